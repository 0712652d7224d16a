import { readFileSync } from 'node:fs';
import { Agent, createServer, request as requestUpstream } from 'node:https';
import type { IncomingMessage, RequestOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import type { ControlPlaneAccess, ControlPlaneUser } from './access.ts';

/** What a planned fault does to the next request that it fits; `times` requests, one unless told. */
export interface Fault {
  /** Part of `METHOD /path?query`, or a pattern for it. */
  on: string | RegExp;
  /** Answer with this instead of asking the API server. */
  answer?: { status: number; headers?: Record<string, string>; body: unknown };
  /** Let the API server do it, then break the connection before its answer leaves. */
  loseAnswer?: boolean;
  /** Never answer, and keep the connection open. */
  hang?: boolean;
  times?: number;
}

/** A proxy between a client and the real API server, in the way of which things can be put. */
export interface FaultProxy {
  /** A kubeconfig that leads through the proxy. */
  kubeConfig(user?: ControlPlaneUser): KubeConfig;
  /** `METHOD /path?query` of every request, in order. */
  readonly requests: readonly string[];
  /** Connections accepted so far. */
  readonly connections: number;
  inject(fault: Fault): void;
  /** Cuts every open watch: the client sees a broken connection. */
  cutWatches(): void;
  /** Cuts every connection, those too on which a request hangs. */
  cutConnections(): void;
  /** From now on no byte reaches the client on connections that are open now, and nobody closes them. */
  freeze(): void;
  /** Watches under way. */
  readonly watches: number;
  stop(): Promise<void>;
}

interface Exchange {
  request: IncomingMessage;
  answer: ServerResponse;
}

/** Starts one on a free port of 127.0.0.1, with the API server's own certificate. */
export async function startFaultProxy(controlPlane: ControlPlaneAccess): Promise<FaultProxy> {
  const proxy = new Proxy(controlPlane);
  await proxy.listen();
  return proxy;
}

class Proxy implements FaultProxy {
  readonly requests: string[] = [];
  connections = 0;
  readonly #controlPlane: ControlPlaneAccess;
  readonly #upstream = new Agent({ keepAlive: true });
  readonly #faults: (Fault & { left: number })[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<ServerResponse>();
  readonly #frozen = new WeakSet<Socket>();
  readonly #server;
  #port = 0;

  constructor(controlPlane: ControlPlaneAccess) {
    this.#controlPlane = controlPlane;
    const key = readFileSync(join(controlPlane.dir, 'apiserver.key'));
    const tls = { cert: readFileSync(controlPlane.caFile), key };
    this.#server = createServer(tls, (request, answer) => this.#serve({ request, answer }));
    this.#server.on('secureConnection', (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    this.#port = address.port;
  }

  kubeConfig(user: ControlPlaneUser = 'admin'): KubeConfig {
    const config = new KubeConfig();
    config.loadFromFile(this.#controlPlane.kubeconfigPath(user));
    const cluster = config.getCurrentCluster();
    const token = config.getCurrentUser();
    if (cluster === null || token === null) throw new Error('the kubeconfig is empty');
    config.loadFromClusterAndUser({ ...cluster, server: `https://127.0.0.1:${this.#port}` }, token);
    return config;
  }

  get watches(): number {
    return this.#watches.size;
  }

  inject(fault: Fault): void {
    this.#faults.push({ ...fault, left: fault.times ?? 1 });
  }

  cutWatches(): void {
    for (const answer of this.#watches) answer.socket?.destroy();
  }

  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  freeze(): void {
    for (const socket of this.#sockets) this.#frozen.add(socket);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#upstream.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #serve(exchange: Exchange): void {
    const { request, answer } = exchange;
    const line = `${request.method ?? ''} ${request.url ?? ''}`;
    this.requests.push(line);
    const fault = this.#takeFault(line);
    if (fault?.hang === true || this.#frozen.has(request.socket)) return;
    if (fault?.answer !== undefined) {
      answerInstead(answer, fault.answer);
      return;
    }
    this.#forward(exchange, fault?.loseAnswer === true);
  }

  #takeFault(line: string): Fault | undefined {
    const fault = this.#faults.find(
      ({ on, left }) => left > 0 && (typeof on === 'string' ? line.includes(on) : on.test(line)),
    );
    if (fault !== undefined) fault.left -= 1;
    return fault;
  }

  #forward({ request, answer }: Exchange, loseAnswer: boolean): void {
    const { hostname, port } = new URL(this.#controlPlane.url);
    const { method, url: path, headers } = request;
    const target: RequestOptions = { hostname, port, method, path, headers };
    const sent = requestUpstream({ ...target, agent: this.#upstream, ca: this.#controlPlane.ca }, (from) => {
      if (loseAnswer) {
        from.resume();
        from.on('end', () => answer.socket?.destroy());
        return;
      }
      this.#copy(from, { request, answer });
    });
    sent.on('error', () => answer.socket?.destroy());
    answer.on('close', () => sent.destroy());
    request.pipe(sent);
  }

  #copy(from: IncomingMessage, { request, answer }: Exchange): void {
    const { socket } = request;
    if (request.url?.includes('watch=true') === true) {
      this.#watches.add(answer);
      answer.on('close', () => this.#watches.delete(answer));
    }
    answer.writeHead(from.statusCode ?? 502, from.headers);
    answer.flushHeaders();
    from.on('data', (chunk: Buffer) => {
      if (!this.#frozen.has(socket)) answer.write(chunk);
    });
    from.on('end', () => {
      if (!this.#frozen.has(socket)) answer.end();
    });
    from.on('error', () => socket.destroy());
  }
}

function answerInstead(
  answer: ServerResponse,
  { status, headers = {}, body }: NonNullable<Fault['answer']>,
): void {
  answer.writeHead(status, { 'content-type': 'application/json', ...headers });
  answer.end(typeof body === 'string' ? body : `${JSON.stringify(body)}\n`);
}
