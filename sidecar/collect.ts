import type { Readable } from 'node:stream';

/** How reading a body to its end came out. `broken`: it ended before it was whole. */
export type Collected =
  | { readonly kind: 'whole'; readonly content: Buffer }
  | { readonly kind: 'broken'; readonly cause: unknown }
  | { readonly kind: 'too_long' };

/** Reads a body of buffers to its end; one that passes the bound is left, paused. Never rejects. */
export function collect(body: Readable, maxBytes: number): Promise<Collected> {
  const { promise, resolve } = Promise.withResolvers<Collected>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Listeners and no iterator: that costs more than everything else that is done with a small body.
  body.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
    else {
      resolve({ kind: 'too_long' });
      body.pause();
    }
  });
  body.once('end', () => resolve({ kind: 'whole', content: joined(chunks) }));
  body.on('error', (cause) => resolve({ kind: 'broken', cause }));
  body.once('close', () => resolve({ kind: 'broken', cause: new Error('closed before its end') }));
  // One that was closed before anybody listened tells it to nobody.
  if (body.closed) resolve({ kind: 'broken', cause: body.errored ?? new Error('closed before its end') });
  return promise;
}

function joined(chunks: readonly Buffer[]): Buffer {
  const [only, ...others] = chunks;
  return only !== undefined && others.length === 0 ? only : Buffer.concat(chunks);
}
