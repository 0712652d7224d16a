import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseConfig } from './config.ts';
import type { EmulatorConfig } from './config.ts';
import { startEmulator } from './emulator.ts';
import type { EmulatorOptions } from './emulator.ts';
import { EmulatorError } from './errors.ts';

const usage = 'usage: node test/sap-emulator/main.ts [--host ADDRESS] [--port NUMBER] [--config FILE.json]';

try {
  const args = process.argv.slice(2);
  if (args.includes('--help')) process.stdout.write(`${usage}\n`);
  else await run(readOptions(args));
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
  const values = parseOptions(args);
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

function parseOptions(args: string[]): { host?: string; port?: string; config?: string } {
  const options = { host: { type: 'string' }, port: { type: 'string' }, config: { type: 'string' } } as const;
  try {
    return parseArgs({ args, options }).values;
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new EmulatorError('config_invalid', `${what}; ${usage}`, { cause });
  }
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
