import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { collect } from '../collect.ts';
import { header } from '../exchange.ts';
import { ProxyError } from '../proxy-error.ts';

const unzip = promisify(gunzip);

/**
 * Reads the whole body, within a bound for what was sent and for what it decodes to.
 *
 * @throws ProxyError `body_too_large`, `encoding_not_supported`, `malformed_body` or `client_gone`
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const encoding = (header(request, 'content-encoding') ?? 'identity').toLowerCase();
  if (encoding !== 'identity' && encoding !== 'gzip')
    throw new ProxyError('encoding_not_supported', 'send the body as it is or with content-encoding gzip');
  if (Number(header(request, 'content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const body = await readBytes(request, maxBytes);
  return encoding === 'gzip' ? decode(body, maxBytes) : body;
}

/**
 * Reads a body that must be one JSON object.
 *
 * @throws ProxyError as `readBody` does
 */
export function parseObject(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (isObject(value)) return value;
  } catch (cause) {
    throw new ProxyError('malformed_body', 'the body is not JSON', { cause });
  }
  throw new ProxyError('malformed_body', 'the body must be a JSON object');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const read = await collect(request, maxBytes);
  if (read.kind === 'whole') return read.content;
  if (read.kind === 'too_long') throw tooLarge(maxBytes);
  const { cause } = read;
  throw new ProxyError('client_gone', 'the client left while it sent its request', { cause });
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
