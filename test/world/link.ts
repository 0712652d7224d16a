import { once } from 'node:events';
import { type Server, type Socket, connect, createServer } from 'node:net';

/** What becomes of what is sent: passed on; lost, while connections stay open; or every connection is broken at once. */
export type LinkState = 'open' | 'frozen' | 'cut';

/** A port of loopback. */
export interface Door {
  host: string;
  port: number;
}

/** A port of loopback in front of other ports, each connection to the next of them, in whose way things can be put. */
export class Link {
  readonly #server: Server;
  readonly #targets: readonly Door[];
  readonly #sockets = new Set<Socket>();
  #next = 0;
  #state: LinkState = 'open';
  /** How long (ms) everything is held back before it is passed on. */
  delayMs = 0;

  private constructor(targets: readonly Door[]) {
    this.#targets = targets;
    this.#server = createServer((client) => this.#take(client));
  }

  /** In front of these ports; those where nobody listens are passed over. Any free port unless told. */
  static async start(
    targets: readonly Door[],
    { host, port }: Door = { host: '127.0.0.1', port: 0 },
  ): Promise<Link> {
    const link = new Link(targets);
    link.#server.listen(port, host);
    await once(link.#server, 'listening');
    return link;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new TypeError('a listener has a port');
    return address.port;
  }

  /** From now on. What was lost stays lost: connections from before a change that loses anything are broken. */
  set(state: LinkState): void {
    if (this.#state === 'frozen' || state === 'cut') this.breakAll();
    this.#state = state;
  }

  /** Breaks every connection; new ones are as before. */
  breakAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.breakAll();
    await closed;
  }

  #take(client: Socket): void {
    this.#own(client);
    if (this.#state === 'cut') client.destroy();
    else this.#dial(client, this.#targets.length);
  }

  #dial(client: Socket, attempts: number): void {
    const { host = '', port = 0 } = this.#targets[this.#next % this.#targets.length] ?? {};
    this.#next += 1;
    const upstream = connect(port, host);
    this.#own(upstream);
    upstream.once('connect', () => {
      this.#pass(client, upstream);
      this.#pass(upstream, client);
    });
    upstream.once('error', () => {
      if (attempts > 1 && !client.destroyed) this.#dial(client, attempts - 1);
      else client.destroy();
    });
  }

  #pass(from: Socket, into: Socket): void {
    const later = (run: () => void): void => {
      if (this.delayMs === 0) run();
      else setTimeout(run, this.delayMs);
    };
    from.on('data', (chunk) => {
      if (this.#state === 'open') later(() => into.writable && into.write(chunk));
    });
    from.on('close', () => later(() => into.destroy()));
  }

  #own(socket: Socket): void {
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  }
}
