import { type Admission, admissionHeaders, answeredBy, costHeaders, heldHeader } from '../admission.ts';
import type { Collected } from '../collect.ts';
import type { Exchange } from '../exchange.ts';
import type { Family } from '../families/family.ts';
import { ProxyError } from '../proxy-error.ts';
import { isRecord } from '../record.ts';
import type { UpstreamAnswer } from '../upstream.ts';
import type { CallEnd, Settlement } from './settlement.ts';

/** An answer read to its end, or the reason why it was not. */
export type WholeAnswer = Collected;

/** What a whole answer tells about its cost. */
export function endOfWhole(
  status: number,
  answer: WholeAnswer,
  { readAnswer }: Pick<Family, 'readAnswer'>,
): CallEnd {
  if (status !== 200)
    return { kind: 'answered', status, mayHaveRun: status === 400 && mayBeFiltered(answer) };
  if (answer.kind === 'too_long') return { kind: 'read_bound' };
  if (answer.kind === 'broken') return { kind: 'connection_lost' };
  return { kind: 'answered', status, ...readAnswer(parse(answer.content)) };
}

/**
 * Whether a 400 can come from Azure's content filter, which is billed. Orchestration words its errors in another way: its
 * own input filter answers 400 before any model is called.
 */
function mayBeFiltered(answer: WholeAnswer): boolean {
  if (answer.kind !== 'whole') return true;
  const error = recordOf(parse(answer.content)['error']);
  return (
    error['code'] === 'content_filter' ||
    recordOf(error['innererror'])['code'] === 'ResponsibleAIPolicyViolation'
  );
}

function recordOf(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

/**
 * Hands a whole answer to the client, body unchanged but for the cost where the API's answers carry it.
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
  const content = annotated(admission, whole.content, settlement);
  response.writeHead(head.status, {
    ...passedHeaders(head.headers),
    ...admissionHeaders(admission, id),
    ...(settlement.kind === 'settled' && answeredBy(settlement)),
    ...(settlement.kind === 'settled' ? costHeaders(settlement.price ?? free) : heldHeader(admission)),
    'sapaibudget-overhead-ms': overheadMs.toFixed(3),
    'content-length': String(content.length),
  });
  // Short text leaves in one write with its headers. Latin-1 is byte for byte what the buffer holds.
  if (content.length <= oneWriteBytes) response.end(content.toString('latin1'), 'latin1');
  else response.end(content);
}

const oneWriteBytes = 16 * 1024;

function annotated({ family }: Admission, content: Buffer, settlement: Settlement): Buffer {
  if (settlement.kind === 'unknown' || settlement.price === undefined) return content;
  const text = content.toString('utf8');
  const changed = family.annotate(text, settlement.price);
  return changed === text ? content : Buffer.from(changed);
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
