import { pino } from 'pino';
import { type SidecarConfig, readConfig } from './config.ts';
import { startSidecar } from './sidecar.ts';

/** Runs until SIGTERM or SIGINT (exit 0), or until another process holds the leases (exit 1). */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = pino({ level: config.logLevel, base: { program: 'sidecar' } });
  log.info({ config: withoutSecrets(config) }, 'settings');
  const sidecar = await startSidecar(config, { log });
  const stop = Promise.withResolvers<undefined>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.resolve(undefined));
  const failure = await Promise.race([stop.promise, sidecar.fatal]);
  if (failure !== undefined) log.error({ err: failure }, 'the sidecar may not go on');
  await sidecar.close();
  process.exitCode = failure === undefined ? 0 : 1;
}

function withoutSecrets(config: SidecarConfig): SidecarConfig {
  return { ...config, appKey: '(secret)' };
}

await main();
