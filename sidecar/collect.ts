import type { AnswerBody } from './answer-body.ts';

/** How reading a body to its end came out. `broken`: it ended before it was whole. */
export type Collected =
  | { readonly kind: 'whole'; readonly content: Buffer }
  | { readonly kind: 'broken'; readonly cause: unknown }
  | { readonly kind: 'too_long' };

/** Reads a body to its end; one that passes the bound is abandoned. Never rejects. */
export function collect(body: AnswerBody, maxBytes: number): Promise<Collected> {
  const { promise, resolve } = Promise.withResolvers<Collected>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  body.read({
    data: (chunk) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else {
        resolve({ kind: 'too_long' });
        body.abandon();
      }
    },
    end: () => resolve({ kind: 'whole', content: joined(chunks) }),
    fail: (cause) => resolve({ kind: 'broken', cause }),
  });
  return promise;
}

/** The chunks of a body as one; a single one as it is. */
export function joined(chunks: readonly Buffer[]): Buffer {
  const [only, ...others] = chunks;
  return only !== undefined && others.length === 0 ? only : Buffer.concat(chunks);
}
