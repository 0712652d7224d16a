import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { issueAuthority, issueLeaf } from '../../operator/certificates/issue.ts';
import { type Clock, pause } from '../../operator/kube/clock.ts';
import { hostIp } from './pod-fields.ts';

/** As much of a log's end as one answer gives at first. */
const maxBytes = 16 * 1024 * 1024;
const followMs = 200;

/** Which log of which pod. */
export interface LogsOptions {
  logDir: string;
  /** 0: any free one. */
  port: number;
  clock: Clock;
  /** Whether more may come. */
  isRunning: (namespace: string, pod: string, container: string) => boolean;
}

/** The kubelet's path for `kubectl logs`, as the API server calls it. */
const logsPath = /^\/containerLogs\/([a-z0-9.-]+)\/([a-z0-9.-]+)\/([a-z0-9-]+)$/;

/** Serves logs over HTTPS on this machine's loopback address; resolves to its port, and closes when the signal fires. */
export async function serveLogs(options: LogsOptions, signal: AbortSignal): Promise<number> {
  const now = new Date(options.clock.nowMs());
  const { certificate: cert, privateKey: key } = await issueLeaf(await issueAuthority(now), {
    names: [hostIp],
    now,
  });
  const server = createServer({ cert, key }, (request, response) => {
    answer(request, response, { ...options, signal }).catch(() => response.destroy());
  });
  server.listen(options.port, hostIp);
  await once(server, 'listening', { signal });
  signal.addEventListener('abort', () => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

/** What the API server asks for. */
interface LogsQuestion {
  namespace: string;
  pod: string;
  container: string;
  previous: boolean;
  follow: boolean;
  /** Infinite: all. */
  lines: number;
}

function questionOf({ method, url = '/' }: IncomingMessage): LogsQuestion | undefined {
  const { pathname, searchParams } = new URL(url, 'https://runner');
  const [, namespace, pod, container] = logsPath.exec(pathname) ?? [];
  if (method !== 'GET' || namespace === undefined || pod === undefined || container === undefined)
    return undefined;
  const lines = Number(searchParams.get('tailLines') ?? Number.POSITIVE_INFINITY);
  const isSet = (name: string): boolean => searchParams.get(name) === 'true';
  return { namespace, pod, container, previous: isSet('previous'), follow: isSet('follow'), lines };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: LogsOptions & { signal: AbortSignal },
): Promise<void> {
  const question = questionOf(request);
  if (question === undefined) {
    response.writeHead(404).end();
    return;
  }
  const file = await logFile(options.logDir, question);
  if (file === undefined) {
    const { previous, container, pod } = question;
    const what = previous ? 'has not been restarted' : 'has not started';
    // 400 as the kubelet's, because its text reaches whoever asked.
    response
      .writeHead(400, { 'content-type': 'text/plain' })
      .end(`container "${container}" of pod "${pod}" ${what}`);
    return;
  }
  await using handle = await open(file, 'r');
  response.writeHead(200, { 'content-type': 'text/plain' });
  const position = await writeEnd(handle, response, question.lines);
  if (question.follow) await follow({ handle, response, position, question }, options);
  response.end();
}

async function follow(
  log: { handle: FileHandle; response: ServerResponse; position: number; question: LogsQuestion },
  { clock, isRunning, signal }: LogsOptions & { signal: AbortSignal },
): Promise<void> {
  const { handle, response, question } = log;
  const { namespace, pod, container } = question;
  let { position } = log;
  for (let isLast = false; !isLast && !response.destroyed && !signal.aborted;) {
    // What was printed before its end is written before that was seen.
    isLast = !isRunning(namespace, pod, container);
    position = await writeFrom(handle, response, position);
    if (!isLast) await pause(clock, followMs, signal);
  }
}

/** The newest start of the newest pod of that name, or the start before it. */
async function logFile(
  logDir: string,
  {
    namespace,
    pod,
    container,
    previous,
  }: { namespace: string; pod: string; container: string; previous: boolean },
): Promise<string | undefined> {
  const all = await readdir(logDir).catch(() => []);
  // Neither names nor uids have underscores.
  const ofName = all
    .filter((name) => name.startsWith(`${namespace}_${pod}_`))
    .map((name) => join(logDir, name, container));
  const starts = await Promise.all(ofName.map(startsIn));
  const [newest] = starts.filter(({ files }) => files.length > 0).sort((a, b) => b.changedMs - a.changedMs);
  return newest?.files.at(previous ? -2 : -1);
}

async function startsIn(dir: string): Promise<{ files: string[]; changedMs: number }> {
  const names = await readdir(dir).catch(() => []);
  const files = names
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map((name) => join(dir, name));
  return { files, changedMs: files.length === 0 ? 0 : (await stat(dir)).mtimeMs };
}

async function writeEnd(handle: FileHandle, response: ServerResponse, lines: number): Promise<number> {
  const { size } = await handle.stat();
  const start = Math.max(0, size - maxBytes);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start);
  const text = buffer.subarray(0, bytesRead);
  response.write(Number.isFinite(lines) ? lastLines(text, lines) : text);
  return start + bytesRead;
}

function lastLines(text: Buffer, lines: number): Buffer {
  let start = text.at(-1) === 10 ? text.length - 1 : text.length;
  for (let left = lines; left > 0 && start > 0; left -= 1) start = text.lastIndexOf(10, start - 1);
  return text.subarray(lines > 0 ? start + 1 : text.length);
}

async function writeFrom(handle: FileHandle, response: ServerResponse, position: number): Promise<number> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, position);
  if (bytesRead > 0 && !response.write(buffer.subarray(0, bytesRead))) await once(response, 'drain');
  return bytesRead === 0 ? position : writeFrom(handle, response, position + bytesRead);
}
