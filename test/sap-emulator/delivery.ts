import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { constants, createGzip } from 'node:zlib';
import type { Gzip } from 'node:zlib';

/** A body on its way to a client, piece by piece. Each promise tells whether the client was still there. */
export interface Delivery {
  /** True when the whole piece was handed to the socket. */
  send(piece: string | Buffer): Promise<boolean>;
  /** Ends the body; true when the answer is complete. */
  finish(): Promise<boolean>;
  /** Breaks the connection in the middle of the body. */
  breakOff(): void;
}

/** How a body travels. */
export interface DeliveryOptions {
  status: number;
  headers: OutgoingHttpHeaders;
  gzip: boolean;
  /** Writes break inside lines and inside UTF-8 characters. */
  splitBytes: boolean;
}

/** Sends the head of an answer; the body follows in pieces. */
export function beginDelivery(
  response: ServerResponse,
  { status, headers, gzip, splitBytes }: DeliveryOptions,
): Delivery {
  response.writeHead(status, gzip ? { ...headers, 'content-encoding': 'gzip' } : headers);
  const split = splitBytes ? splitInside : (piece: Buffer): Buffer[] => [piece];
  const writeAll = async (piece: Buffer): Promise<boolean> => {
    for (const part of split(piece)) {
      if (!(await write(response, part))) {
        return false;
      }
    }
    return true;
  };
  const compressor = gzip ? createCompressor() : undefined;
  return {
    send: async (piece) => {
      const bytes = Buffer.from(piece);
      return writeAll(compressor === undefined ? bytes : await compressor.add(bytes));
    },
    finish: async () => {
      if (compressor !== undefined && !(await writeAll(await compressor.end()))) {
        return false;
      }
      return end(response);
    },
    breakOff: () => {
      response.destroy();
    },
  };
}

/** Cuts a piece in its middle, after the first byte of its first long character, and before its last byte. */
export function splitInside(piece: Buffer): Buffer[] {
  const long = piece.findIndex((byte) => byte >= 0xc0);
  const cuts = [piece.length >> 1, long + 1, piece.length - 1].filter((cut) => cut > 0 && cut < piece.length);
  const ordered = [...new Set(cuts)].sort((left, right) => left - right);
  return [0, ...ordered].map((start, index) => piece.subarray(start, ordered[index] ?? piece.length));
}

/** Resolves when the socket has taken the bytes; false when it is closed. */
async function write(response: ServerResponse, bytes: Buffer): Promise<boolean> {
  return settle(response, (done) => response.write(bytes, done));
}

async function end(response: ServerResponse): Promise<boolean> {
  return settle(response, (done) => response.end(done));
}

async function settle(
  response: ServerResponse,
  act: (done: (error?: Error | null) => void) => void,
): Promise<boolean> {
  if (response.destroyed) {
    return false;
  }
  return new Promise((resolve) => {
    const closed = (): void => resolve(response.writableFinished);
    response.once('close', closed);
    act((error) => {
      response.off('close', closed);
      resolve(error === undefined || error === null);
    });
  });
}

/** Compresses a body so that each piece can be read as soon as it arrives. */
function createCompressor(): { add(piece: Buffer): Promise<Buffer>; end(): Promise<Buffer> } {
  const gzip = createGzip();
  let ready: Buffer[] = [];
  gzip.on('data', (bytes: Buffer) => ready.push(bytes));
  const take = (): Buffer => {
    const bytes = Buffer.concat(ready);
    ready = [];
    return bytes;
  };
  return {
    add: async (piece) => {
      gzip.write(piece);
      await flush(gzip);
      return take();
    },
    end: async () => {
      await new Promise<void>((resolve) => {
        gzip.once('end', () => resolve());
        gzip.end();
      });
      return take();
    },
  };
}

async function flush(gzip: Gzip): Promise<void> {
  return new Promise((resolve) => {
    gzip.flush(constants.Z_SYNC_FLUSH, () => resolve());
  });
}
