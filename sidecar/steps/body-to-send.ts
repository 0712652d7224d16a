import { isUtf8 } from 'node:buffer';
import { isRecord } from '../record.ts';

/** A request's body as it came, and what was decoded from it. */
export interface ReceivedBody {
  readonly bytes: Buffer;
  readonly value: Record<string, unknown>;
}

/**
 * What is sent for a body that was bounded from its decoded value. Where a name stands twice in the text, what was
 * bounded and what SAP reads could differ, so that it is written from the decoded value. Where that cannot be, and nothing
 * but whole members was added, the client's own bytes go with these: to write 100 KB anew takes longer than all the rest.
 */
export function bodyToSend(wanted: Record<string, unknown>, received: ReceivedBody): string | Buffer {
  const added = addedMembers(wanted, received.value);
  if (added === undefined || !readsOneWay(received)) return JSON.stringify(wanted);
  const { bytes } = received;
  if (Object.keys(added).length === 0) return bytes;
  const end = bytes.lastIndexOf('}');
  const comma = Object.keys(received.value).length === 0 ? '' : ',';
  return Buffer.concat([bytes.subarray(0, end), Buffer.from(`${comma}${JSON.stringify(added).slice(1)}`)]);
}

/** What `wanted` has beyond `value`; undefined when anything else differs. */
function addedMembers(
  wanted: Record<string, unknown>,
  value: Record<string, unknown>,
): Record<string, unknown> | undefined {
  const added: Record<string, unknown> = {};
  let same = 0;
  for (const [name, member] of Object.entries(wanted)) {
    if (!Object.hasOwn(value, name)) added[name] = member;
    else if (value[name] === member) same += 1;
    else return undefined;
  }
  return same === Object.keys(value).length ? added : undefined;
}

/**
 * Whether every reader of JSON finds in the bytes what was decoded: they are UTF-8, and no name stands twice in one object.
 * Each name in the text ends with a quote before its colon. So there are at least as many of those as names in the text, and
 * no fewer than decoded; as many as decoded only if none was overwritten.
 */
function readsOneWay({ bytes, value }: ReceivedBody): boolean {
  return isUtf8(bytes) && quotesBeforeColons(bytes) === countNames(value);
}

const colon = 0x3a;
const quote = 0x22;
const lastBlank = 0x20;

/** Also those within strings, which only makes it more; undefined where a blank before a colon hides what is before it. */
function quotesBeforeColons(bytes: Buffer): number | undefined {
  let count = 0;
  for (let at = bytes.indexOf(colon); at >= 0; at = bytes.indexOf(colon, at + 1)) {
    const before = bytes[at - 1] ?? lastBlank;
    if (before <= lastBlank) return undefined;
    if (before === quote) count += 1;
  }
  return count;
}

function countNames(value: unknown): number {
  let count = 0;
  if (isRecord(value)) {
    const members = Object.values(value);
    count = members.length;
    for (const member of members) count += countNames(member);
  } else if (Array.isArray(value)) for (const member of value) count += countNames(member);
  return count;
}
