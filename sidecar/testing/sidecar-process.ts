import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** A sidecar that runs as a process of its own. */
export interface SidecarProcess {
  readonly child: ChildProcess;
  readonly origin: string;
  readonly adminOrigin: string;
  /** Everything it has logged. */
  readonly log: () => string;
  /** Resolves with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

const listening = z.object({
  msg: z.literal('sidecar listens'),
  origin: z.string(),
  adminOrigin: z.string(),
});
const program = fileURLToPath(new URL('../main.ts', import.meta.url));

/** Starts the program; comes back when it listens. `limit`: shell command to run first, in the same process. */
export async function startSidecarProcess(
  env: Record<string, string>,
  limit = 'true',
): Promise<SidecarProcess> {
  const child = spawn('/bin/bash', ['-c', `${limit} && exec "$0" "$1"`, process.execPath, program], {
    env: { ...env, PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<z.infer<typeof listening>>();
  const read = (line: string) => {
    lines.push(line);
    const found = listening.safeParse(parse(line));
    if (found.success) resolve(found.data);
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', read);
  const ended = once(child, 'exit').then(
    ([code, signal]: (number | string | null)[]) => code ?? signal ?? 'unknown',
  );
  void ended.then((end) => reject(new Error(`the sidecar ended with ${end}: ${lines.join('\n')}`)));
  const { origin, adminOrigin } = await promise;
  return { child, origin, adminOrigin, log: () => lines.join('\n'), ended };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
