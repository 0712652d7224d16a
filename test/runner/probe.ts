import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { once } from 'node:events';
import type { V1Container, V1HTTPGetAction, V1LifecycleHandler, V1Probe } from '@kubernetes/client-node';
import type { Launch, ProcessGroups } from './processes.ts';

/** What a probe or a hook asks. */
export type Question = Pick<
  V1Probe & V1LifecycleHandler,
  'exec' | 'httpGet' | 'tcpSocket' | 'grpc' | 'sleep'
>;

/** Whom it asks. */
export interface Asked {
  container: V1Container;
  podIp: string;
  processes: ProcessGroups;
  launch: Launch & { translate: (text: string) => string };
}

/** Asks once, and says whether the answer was good; silence until the signal fires is a bad one. Never rejects. */
export async function ask(question: Question, asked: Asked, signal: AbortSignal): Promise<boolean> {
  try {
    const { exec, httpGet, tcpSocket } = question;
    if (httpGet !== undefined) return await askHttp(httpGet, asked, signal);
    if (tcpSocket !== undefined)
      return await askTcp(portOf(tcpSocket.port, asked), tcpSocket.host ?? asked.podIp, signal);
    if (exec !== undefined) return await askProgram(exec.command ?? [], asked, signal);
    return false;
  } catch {
    return false;
  }
}

/** The kubelet's rule: 200 to 399 is good, and a certificate is not looked at, because it is made for the Service's name. */
async function askHttp(get: V1HTTPGetAction, asked: Asked, signal: AbortSignal): Promise<boolean> {
  const send = get.scheme === 'HTTPS' ? httpsRequest : httpRequest;
  const given = (get.httpHeaders ?? []).map(({ name, value }): [string, string] => [name, value]);
  const sent = send({
    host: get.host ?? asked.podIp,
    port: portOf(get.port, asked),
    path: get.path ?? '/',
    headers: { 'user-agent': 'kube-probe', ...Object.fromEntries(given) },
    agent: false,
    signal,
    ...(get.scheme === 'HTTPS' && { rejectUnauthorized: false }),
  });
  const answered = Promise.withResolvers<boolean>();
  sent.on('error', answered.reject);
  sent.on('response', ({ statusCode = 0 }) => {
    answered.resolve(statusCode >= 200 && statusCode < 400);
    sent.destroy();
  });
  sent.end();
  return answered.promise;
}

async function askTcp(port: number, host: string, signal: AbortSignal): Promise<boolean> {
  const socket = connect({ port, host });
  try {
    await once(socket, 'connect', { signal });
    return true;
  } finally {
    socket.destroy();
  }
}

async function askProgram(
  [program = '', ...args]: string[],
  { processes, launch }: Asked,
  signal: AbortSignal,
): Promise<boolean> {
  const words = args.map(launch.translate);
  const running = await processes.start({
    ...launch,
    program: launch.translate(program),
    args: words,
    logFile: '/dev/null',
  });
  signal.addEventListener('abort', running.kill, { once: true });
  try {
    return (await running.ended).exitCode === 0 && !signal.aborted;
  } finally {
    signal.removeEventListener('abort', running.kill);
  }
}

function portOf(port: number | string, { container }: Asked): number {
  if (typeof port === 'number') return port;
  return container.ports?.find(({ name }) => name === port)?.containerPort ?? 0;
}
