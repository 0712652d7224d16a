import type { Readable } from 'node:stream';
import { type Admission, admissionHeaders, costHeaders, heldHeader } from '../admission.ts';
import type { Exchange } from '../exchange.ts';
import { ProxyError } from '../proxy-error.ts';
import type { UpstreamAnswer } from '../upstream.ts';
import type { CallEnd, Settlement } from './settlement.ts';

/** An answer read to its end, or the reason why it was not. */
export type WholeAnswer = { kind: 'whole'; content: Buffer } | { kind: 'broken' } | { kind: 'too_long' };

/** Reads an answer to its end within a bound: its cost goes into headers, which leave before the body. */
export async function readWhole(body: Readable, maxBytes: number): Promise<WholeAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      const part = Buffer.from(chunk);
      bytes += part.length;
      if (bytes > maxBytes) return { kind: 'too_long' };
      chunks.push(part);
    }
    return { kind: 'whole', content: Buffer.concat(chunks) };
  } catch {
    return { kind: 'broken' };
  }
}

/** What a whole answer tells about its cost. */
export function endOfWhole(status: number, answer: WholeAnswer): CallEnd {
  // Whatever comes of the rest, SAP has refused without running anything.
  if (status !== 200) return { kind: 'answered', status };
  if (answer.kind === 'too_long') return { kind: 'read_bound' };
  if (answer.kind === 'broken') return { kind: 'connection_lost' };
  const parsed = parse(answer.content);
  return { kind: 'answered', status, usage: parsed['usage'], hasContent: hasContent(parsed['choices']) };
}

/**
 * Hands a whole answer to the client, body unchanged.
 *
 * @throws ProxyError when there is nothing to hand on
 */
export function sendWhole(
  { id, response }: Exchange,
  admission: Admission,
  answer: { head: UpstreamAnswer; whole: WholeAnswer; settlement: Settlement; overheadMs: number },
): void {
  const { head, whole, settlement, overheadMs } = answer;
  if (head.status >= 300 && head.status < 400)
    throw new ProxyError('upstream_redirect', 'SAP AI Core answered with a redirect, which is not followed');
  if (whole.kind === 'too_long')
    throw new ProxyError(
      'upstream_answer_too_long',
      'the answer of SAP AI Core is longer than the sidecar reads',
    );
  if (whole.kind === 'broken')
    throw new ProxyError('upstream_connection_lost', 'the connection to SAP AI Core broke within the answer');
  if (response.destroyed) return;
  response.writeHead(head.status, {
    ...passedHeaders(head.headers),
    ...admissionHeaders(admission, id),
    ...(settlement.kind === 'settled' ? costHeaders(settlement.price ?? free) : heldHeader(admission)),
    'sapaibudget-overhead-ms': overheadMs.toFixed(3),
    'content-length': String(whole.content.length),
  });
  response.end(whole.content);
}

const free = { total: 0n, input: 0n, output: 0n };

/** Headers of SAP's answer that go on to the client: not those of that hop, nor of an encoding we have undone. */
export function passedHeaders(headers: UpstreamAnswer['headers']): Record<string, string | string[]> {
  const passed: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !ownHeaders.has(name)) passed[name] = value;
  return passed;
}

const ownHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'keep-alive',
  'proxy-authenticate',
  'set-cookie',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function parse(content: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(content.toString('utf8'));
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

/** Whether any choice of an answer or stream chunk holds text or a tool call. */
export function hasContent(choices: unknown): boolean {
  return Array.isArray(choices) && choices.some((choice) => isRecord(choice) && saysSomething(choice));
}

function saysSomething(choice: Record<string, unknown>): boolean {
  const message = choice['message'] ?? choice['delta'];
  if (!isRecord(message)) return false;
  return ['content', 'tool_calls', 'function_call', 'refusal'].some((member) => isFilled(message[member]));
}

function isFilled(value: unknown): boolean {
  if (typeof value === 'string' || Array.isArray(value)) return value.length > 0;
  return isRecord(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
