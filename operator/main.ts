import { KubeConfig } from '@kubernetes/client-node';
import packageJson from '../package.json' with { type: 'json' };
import { ConfigError, readConfig } from './config.ts';
import type { OperatorConfig } from './config.ts';
import { createLog } from './log.ts';
import { startOperator } from './operator.ts';

/** A stop that takes longer is ended by force: what is not written by then is written by nobody. */
const stopWithinMs = 25_000;

const config = configOrUndefined();
if (config === undefined) process.exit(2);
const log = createLog(config.logLevel);
const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.once(name, () => {
    log.info({ signal: name }, 'operator stops');
    stop.abort(new Error(`stopped by ${name}`));
    setTimeout(() => {
      log.error({ stopWithinMs }, 'operator does not stop in time');
      process.exit(1);
    }, stopWithinMs).unref();
  });
}

try {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromDefault();
  log.info({ config: settingsInUse(config), version: packageJson.version }, 'operator starts');
  const { signal } = stop;
  const operator = await startOperator({ config, kubeConfig, log, version: packageJson.version, signal });
  await operator.stopped;
  log.info('operator stopped');
} catch (error) {
  if (!stop.signal.aborted) {
    log.fatal({ err: error }, 'operator failed');
    process.exitCode = 1;
  }
}

/** Without injection the webhook is not served: its address would say that it listens. */
function settingsInUse({ webhookListen, ...rest }: OperatorConfig): Partial<OperatorConfig> {
  return rest.injection === undefined ? rest : { webhookListen, ...rest };
}

function configOrUndefined(): OperatorConfig | undefined {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`sap-ai-budget operator: ${error.message}\n`);
    return undefined;
  }
}
