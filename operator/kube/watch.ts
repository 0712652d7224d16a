import { StringDecoder } from 'node:string_decoder';
import { translate } from './answer.ts';
import { KubeError } from './kube-error.ts';
import type { KubeStatus } from './kube-error.ts';
import { isKubeObject, isRecord } from './resource.ts';
import type { KubeObject } from './resource.ts';

/** One line of a watch. A bookmark carries no object, only the revision up to which nothing was missed. */
export type WatchEvent<T extends KubeObject> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T; resourceVersion: string }
  | { type: 'BOOKMARK'; resourceVersion: string };

/** An object in etcd is at most 1.5 MiB; JSON's escapes can multiply that. */
const maxLineLength = 16 * 1024 * 1024;

/** Decodes a watch's body. Throws the KubeError of an ERROR event, or what ended the connection; returns when the server closed it in order. */
export async function* decodeWatch<T extends KubeObject>(
  body: AsyncIterable<Uint8Array>,
  { path, signal }: { path: string; signal: AbortSignal | undefined },
): AsyncGenerator<WatchEvent<T>> {
  try {
    for await (const line of lines(body, path)) yield decodeLine<T>(line, path);
  } catch (error) {
    throw translate(error, { method: 'GET', path, signal });
  }
}

async function* lines(body: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of body) {
    const parts = (rest + decoder.write(Buffer.from(chunk))).split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > maxLineLength)
      throw invalid(path, `an event is longer than ${maxLineLength} characters`);
    yield* parts.filter((line) => line !== '');
  }
}

function decodeLine<T extends KubeObject>(text: string, path: string): WatchEvent<T> {
  const event = parse(text, path);
  const type = isRecord(event) ? event['type'] : undefined;
  const object = isRecord(event) ? event['object'] : undefined;
  if (type === 'ERROR') throw statusError(object, path);
  if (!isKubeObject<T>(object)) throw invalid(path, 'an event has no object');
  const { resourceVersion } = object.metadata;
  if (resourceVersion === undefined) throw invalid(path, 'an event has no resourceVersion');
  if (type === 'BOOKMARK') return { type, resourceVersion };
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') return { type, object, resourceVersion };
  throw invalid(path, 'an event has an unknown type');
}

function statusError(object: unknown, path: string): KubeError {
  const status: KubeStatus = isRecord(object) ? object : {};
  return KubeError.fromStatus(`watch ${path}`, status, { code: status.code ?? 500 });
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No cause: the parser's message quotes the text, which may be a Secret.
    throw invalid(path, 'an event is not JSON');
  }
}

function invalid(path: string, what: string): KubeError {
  return new KubeError(`watch ${path}: ${what}`, { code: 0, reason: 'InvalidAnswer' });
}
