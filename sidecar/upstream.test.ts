import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { collect } from './collect.ts';
import { closeServer, listen } from './listen.ts';
import { until } from './testing/stage.ts';
import { type Upstream, createUpstream } from './upstream.ts';

let sap: Server;
let upstream: Upstream;
let origin = '';
afterEach(async () => {
  await upstream.close();
  await closeServer(sap);
});

async function start(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<void> {
  sap = createServer(handle);
  origin = await listen(sap, { host: '127.0.0.1', port: 0 });
  upstream = createUpstream({ silentMs: 5000 });
}

function send(signal = new AbortController().signal) {
  return upstream.send({ origin, path: '/x?y=1', headers: {}, body: '{}', signal });
}

async function answered(maxBytes = 4) {
  return collect((await send()).body, maxBytes);
}

describe('an answer', () => {
  test.each([
    { name: 'of several chunks', chunks: ['ab', 'cd'], want: 'abcd' },
    { name: 'of one chunk', chunks: ['abcd'], want: 'abcd' },
    { name: 'of none', chunks: [], want: '' },
  ])('$name is collected', async ({ chunks, want }) => {
    await start((_, response) => {
      response.flushHeaders();
      for (const chunk of chunks) response.write(chunk);
      response.end();
    });
    expect(await answered()).toEqual({ kind: 'whole', content: Buffer.from(want) });
  });

  test('that passes the bound is too long before it has ended, and its connection is given up', async () => {
    let closed = false;
    await start((_, response) => {
      response.once('close', () => (closed = true));
      response.write('abcde');
    });
    expect(await answered()).toEqual({ kind: 'too_long' });
    await until(() => closed);
  });

  test('whose connection breaks is broken, and says why', async () => {
    await start((_, response) => {
      response.writeHead(200, { 'content-length': '4' }).write('ab');
      setImmediate(() => response.destroy());
    });
    expect(await answered()).toMatchObject({ kind: 'broken', cause: expect.any(Error) });
  });

  test('that was compressed although nobody asked for it is decoded', async () => {
    await start((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(100_000))),
    );
    const answer = await answered(100_000);
    expect(answer).toMatchObject({ kind: 'whole', content: { length: 100_000 } });
  });

  test.each([
    { name: 'is not compressed as it says', content: Buffer.from('no gzip at all') },
    { name: 'ends within its compressed form', content: gzipSync('abcd').subarray(0, -6) },
  ])('that $name is broken', async ({ content }) => {
    await start((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(content));
    expect(await answered()).toMatchObject({ kind: 'broken' });
  });

  test('that is paused waits in the network, and comes whole', async () => {
    const length = 32 * 1024 * 1024;
    await start((_, response) => response.end(Buffer.alloc(length)));
    const { body } = await send();
    const ended = Promise.withResolvers<void>();
    let bytes = 0;
    body.read({
      data: (chunk) => {
        if (bytes === 0) body.pause();
        bytes += chunk.length;
      },
      end: () => ended.resolve(),
      fail: (cause) => ended.reject(cause),
    });
    await until(() => bytes > 0);
    // Whatever was to come has come while another answer went all its way.
    expect(await answered(length)).toMatchObject({ kind: 'whole' });
    expect(bytes).toBeLessThan(1024 * 1024);
    body.resume();
    await ended.promise;
    expect(bytes).toBe(length);
  });

  test('may be told of by 1xx before it comes', async () => {
    await start((_, response) => {
      response.writeProcessing();
      response.end('abcd');
    });
    expect(await send()).toMatchObject({ status: 200 });
  });
});

describe('a call', () => {
  test('that is aborted before it leaves is not sent', async () => {
    let requests = 0;
    await start((_, response) => {
      requests += 1;
      response.end();
    });
    await expect(send(AbortSignal.abort())).rejects.toMatchObject({ reason: 'not_sent' });
    expect(requests).toBe(0);
  });

  test('that is aborted later may have cost something', async () => {
    await start(() => {});
    const leaving = new AbortController();
    const call = send(leaving.signal);
    await once(sap, 'request');
    leaving.abort(new Error('the client has gone'));
    await expect(call).rejects.toMatchObject({ reason: 'connection_lost' });
  });

  test('to where nobody listens is not sent', async () => {
    await start(() => {});
    origin = 'http://127.0.0.1:9';
    await expect(send()).rejects.toMatchObject({ reason: 'not_sent' });
  });
});
