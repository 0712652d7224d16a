import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { ControlPlaneError } from './errors.ts';

// Below 32768, where Linux takes ports for outgoing connections and for servers that ask for any port:
// a port found here is not lost to one of those before our process binds it, or while it restarts.
const FIRST = 20_000;
const LAST = 32_767;
const ATTEMPTS = 200;

/** Different ports of 127.0.0.1 that nobody listened on a moment ago. Rejects with `no_free_port`. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let attempt = 0; attempt < ATTEMPTS && found.size < count; attempt += 1) {
    const port = randomInt(FIRST, LAST + 1);
    if (await isFree(port)) found.add(port);
  }
  if (found.size < count) {
    throw new ControlPlaneError(
      'no_free_port',
      `no ${count} free ports between ${FIRST} and ${LAST}; what listens on all of them?`,
    );
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
