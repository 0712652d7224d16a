import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { BodyRoom } from '../bodies.ts';
import { joined } from '../collect.ts';
import { header } from '../exchange.ts';
import { ProxyError } from '../proxy-error.ts';

const unzip = promisify(gunzip);

/**
 * Reads the whole body, within a bound for what was sent and for what it decodes to.
 *
 * @throws ProxyError `body_too_large`, `too_many_bodies`, `encoding_not_supported`, `malformed_body` or `client_gone`
 */
export async function readBody(
  request: IncomingMessage,
  { maxBytes, room }: { maxBytes: number; room?: BodyRoom },
): Promise<Buffer> {
  const encoding = (header(request, 'content-encoding') ?? 'identity').toLowerCase();
  if (encoding !== 'identity' && encoding !== 'gzip')
    throw new ProxyError('encoding_not_supported', 'send the body as it is or with content-encoding gzip');
  if (Number(header(request, 'content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const body = await readBytes(request, { maxBytes, ...(room && { room }) });
  if (encoding !== 'gzip') return body;
  const decoded = await decode(body, maxBytes);
  room?.add(decoded.length);
  return decoded;
}

/**
 * Reads a body that must be one JSON object.
 *
 * @throws ProxyError as `readBody` does
 */
export function parseObject(body: Buffer): Record<string, unknown> {
  const value = parse(body);
  if (!isObject(value)) throw new ProxyError('malformed_body', 'the body must be a JSON object');
  if (nestsBeyond(value, maxDepth))
    throw new ProxyError('malformed_body', `the body is nested more than ${maxDepth} levels deep`);
  return value;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new ProxyError('malformed_body', 'the body is not JSON', { cause });
  }
}

/** What is parsed is written again for SAP, which nothing but memory bounds the depth of; no schema of a tool comes near. */
const maxDepth = 200;

/** Goes no deeper than asked, so that depth costs no stack. */
function nestsBeyond(container: object, depth: number): boolean {
  if (depth === 0) return true;
  for (const member of Array.isArray(container) ? container : Object.values(container))
    if (isContainer(member) && nestsBeyond(member, depth - 1)) return true;
  return false;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Listeners and no iterator: that costs more than everything else that is done with a small body. */
function readBytes(
  request: IncomingMessage,
  { maxBytes, room }: { maxBytes: number; room?: BodyRoom },
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const refuse = (error: unknown) => {
    request.off('data', keep).pause();
    reject(error);
  };
  const keep = (chunk: Buffer) => {
    bytes += chunk.length;
    try {
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      room?.add(chunk.length);
      chunks.push(chunk);
    } catch (error) {
      refuse(error);
    }
  };
  let ended = false;
  const left = (cause?: unknown) => {
    if (!ended) refuse(clientLeft(cause));
  };
  request.on('data', keep);
  request.once('end', () => {
    ended = true;
    resolve(joined(chunks));
  });
  request.on('error', left);
  request.once('close', left);
  // One that was closed before anybody listened tells it to nobody.
  if (request.closed) left(request.errored);
  return promise;
}

function clientLeft(cause: unknown): ProxyError {
  return new ProxyError('client_gone', 'the client left while it sent its request', { cause });
}

async function decode(body: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await unzip(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge(maxBytes);
    throw new ProxyError('malformed_body', 'the body is not gzip as its content-encoding says', { cause });
  }
}

function tooLarge(maxBytes: number): ProxyError {
  return new ProxyError('body_too_large', `the body is larger than ${maxBytes} bytes`);
}
