import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A load of as many requests as are answered: every connection sends its next request when it has its answer. */
export interface ClosedLoop {
  readonly url: string;
  readonly body: string;
  readonly authorization: string;
  readonly connections: number;
  readonly seconds: number;
  /** Where the script for wrk is put. */
  readonly folder: string;
}

/**
 * Runs wrk for some seconds.
 *
 * @returns how many requests were answered
 * @throws Error when a single one was answered with anything but 2xx, or not at all
 */
export async function closedLoop(load: ClosedLoop): Promise<number> {
  const script = path.join(load.folder, 'load.lua');
  await writeFile(path.join(load.folder, 'body.json'), load.body);
  await writeFile(script, scriptOf(load));
  const { connections, seconds, url } = load;
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url];
  const { stdout } = await run('wrk', args, { timeout: (seconds + 20) * 1000 });
  const [, answered, failed] = /^bench (\d+) (\d+)$/m.exec(stdout) ?? [];
  if (answered === undefined || failed !== '0')
    throw new Error(`${url} did not answer every request well (${failed ?? 'no'} failures): ${stdout}`);
  return Number(answered);
}

function scriptOf({ folder, authorization }: ClosedLoop): string {
  return `
wrk.method = "POST"
wrk.body = io.open("${folder}/body.json"):read("*a")
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "${authorization}"
done = function(summary)
  local e = summary.errors
  io.write(string.format("bench %d %d\\n", summary.requests, e.status + e.connect + e.read + e.write + e.timeout))
end
`;
}
