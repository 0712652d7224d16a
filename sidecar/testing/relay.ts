import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';

/** Another address of a server on loopback. */
export interface Relay {
  readonly origin: string;
  /** Connections accepted so far. */
  readonly connections: number;
  /** From now on nothing is passed on, and nobody is told. */
  fallSilent(): void;
  close(): Promise<void>;
}

/** Passes on whatever comes to a free port of 127.0.0.1. */
export async function startRelay(target: string): Promise<Relay> {
  const { port: to } = new URL(target);
  const sockets = new Set<Socket>();
  const state = { connections: 0, silent: false };
  const pass = (from: Socket, into: Socket): void => {
    from.on('data', (chunk) => state.silent || into.write(chunk));
    from.on('close', () => into.destroy());
    from.on('error', () => from.destroy());
    sockets.add(from);
  };
  const server = createServer((client) => {
    state.connections += 1;
    const upstream = connect(Number(to), '127.0.0.1');
    pass(client, upstream);
    pass(upstream, client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('a listener has a port');
  return {
    origin: `https://127.0.0.1:${address.port}`,
    get connections() {
      return state.connections;
    },
    fallSilent: () => {
      state.silent = true;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
