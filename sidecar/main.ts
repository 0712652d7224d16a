import { ConfigError, type SidecarConfig, readConfig } from './config.ts';
import { createLog } from './log.ts';
import { startSidecar } from './sidecar.ts';

/**
 * Runs until SIGTERM or SIGINT (exit 0), or until another process holds the leases (exit 1). With settings that cannot be
 * used it does not start (exit 2).
 */
async function main(): Promise<void> {
  const config = configOrUndefined();
  if (config === undefined) {
    process.exitCode = 2;
    return;
  }
  const log = createLog(config.logLevel);
  log.info({ config: withoutSecrets(config) }, 'settings');
  const sidecar = await startSidecar(config, { log });
  const stop = Promise.withResolvers<undefined>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.resolve(undefined));
  const failure = await Promise.race([stop.promise, sidecar.fatal]);
  if (failure !== undefined) log.error({ err: failure }, 'the sidecar may not go on');
  await sidecar.close();
  process.exitCode = failure === undefined ? 0 : 1;
}

function configOrUndefined(): SidecarConfig | undefined {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`sap-ai-budget sidecar: ${error.message}\n`);
    return undefined;
  }
}

function withoutSecrets(config: SidecarConfig): SidecarConfig {
  return { ...config, appKey: '(secret)' };
}

// No await: the bundle is CommonJS, which has none here.
void main();
