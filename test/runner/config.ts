import { parseArgs } from 'node:util';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { BackOff } from './container-run.ts';
import { messageOf, RunnerError } from './errors.ts';

const seconds = (fallback: number) => z.coerce.number().positive().max(86_400).default(fallback);
const names = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );

const settings = z.strictObject({
  kubeconfig: z.string().min(1),
  images: z.string().min(1),
  dir: z.string().min(1),
  node: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/, 'must be a name')
    .default('local'),
  namespaces: names,
  'restart-seconds': seconds(10),
  'refresh-seconds': seconds(10),
  'token-max-age-seconds': seconds(86_400),
  'shutdown-seconds': seconds(10),
  'logs-port': z.coerce.number().int().min(0).max(65_535).optional(),
});

/** Longest pause before a restart, the kubelet's. */
const maxBackOffMs = 300_000;

/** Settings of the program. */
export interface RunnerConfig {
  kubeconfig: string;
  /** The image map. */
  imagesFile: string;
  /** Of everything that the runner writes but what belongs in memory. */
  dir: string;
  nodeName: string;
  /** Whose pods it binds; empty: all. */
  namespaces: string[];
  backOff: BackOff;
  refreshMs: number;
  tokenMaxAgeMs: number;
  /** How long pods may take to end when the runner ends. */
  shutdownMs: number;
  /** Where `kubectl logs` is answered; 0: any free port; absent: nowhere. */
  logsPort: number | undefined;
}

/** One line per option, for people. */
const usage = `node test/runner/main.ts --kubeconfig FILE --images FILE --dir DIR
  [--node NAME]                   name of the node (local)
  [--namespaces A,B]              bind only their pods (all)
  [--restart-seconds N]           first pause before a restart, doubles up to 300 (10)
  [--refresh-seconds N]           how often volumes are compared with their sources (10)
  [--token-max-age-seconds N]     renew tokens at this age at the latest (86400)
  [--shutdown-seconds N]          time that pods get when the runner ends (10)
  [--logs-port N]                 answer kubectl logs, for whoever reaches that loopback port; 0: any free one (off)`;

/** Reads the command line. Throws `arguments_invalid`, naming the option. */
export function readConfig(args: string[]): RunnerConfig {
  const options = Object.fromEntries(
    Object.keys(settings.shape).map((name) => [name, { type: 'string' as const }]),
  );
  try {
    const parsed = settings.safeParse(parseArgs({ args, options }).values);
    if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
    return configOf(parsed.data);
  } catch (cause) {
    throw new RunnerError('arguments_invalid', `${messageOf(cause)}\n${usage}`, { cause });
  }
}

function configOf(given: z.infer<typeof settings>): RunnerConfig {
  return {
    kubeconfig: given.kubeconfig,
    imagesFile: given.images,
    dir: resolve(given.dir),
    nodeName: given.node,
    namespaces: given.namespaces,
    backOff: { baseMs: given['restart-seconds'] * 1000, maxMs: maxBackOffMs },
    refreshMs: given['refresh-seconds'] * 1000,
    tokenMaxAgeMs: given['token-max-age-seconds'] * 1000,
    shutdownMs: given['shutdown-seconds'] * 1000,
    logsPort: given['logs-port'],
  };
}
