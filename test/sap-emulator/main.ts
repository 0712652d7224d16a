import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseConfig } from './config.ts';
import type { EmulatorConfig } from './config.ts';
import { startEmulator } from './emulator.ts';
import type { EmulatorOptions } from './emulator.ts';
import { EmulatorError } from './errors.ts';

const usage = 'usage: node test/sap-emulator/main.ts [--host ADDRESS] [--port NUMBER] [--config FILE.json]';

try {
  await run(readOptions(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

/** Runs until a signal; the first line on stdout says where it listens. */
async function run(options: EmulatorOptions): Promise<void> {
  const emulator = await startEmulator(options);
  const stop = (): void => {
    void emulator.close();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.stdout.write(`${JSON.stringify({ url: emulator.url })}\n`);
}

function readOptions(args: string[]): EmulatorOptions {
  const { values } = parseArgs({
    args,
    options: { host: { type: 'string' }, port: { type: 'string' }, config: { type: 'string' } },
  });
  const port = Number(values.port ?? '0');
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new EmulatorError('config_invalid', `${String(values.port)} is no port; ${usage}`);
  }
  return {
    port,
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(values.config === undefined ? {} : { config: readConfig(values.config) }),
  };
}

function readConfig(path: string): EmulatorConfig {
  return parseConfig(readJson(path));
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new EmulatorError('config_invalid', `${path} cannot be read as JSON: ${String(cause)}`, { cause });
  }
}
