/** A chunk that tells nothing of usage or errors. */
export interface QuietChunk {
  /** The event without the `"usage": null` that it may end with. */
  readonly withoutUsage: Buffer;
}

const start = 'data: {';
const lineEnd = '}\n\n';
const usage = '"usage"';
const nullUsage = ',"usage":null}\n\n';

/**
 * Looks through a chat chunk without decoding it, which would cost more than all else that is done with it. Quotes within
 * strings are escaped, so that a name in quotes is found wherever it is a member; a text in which letters are escaped
 * (`\u00…`), or that is not written the usual way, is left to be decoded.
 *
 * @returns undefined for a chunk that must be decoded: it may tell something, or is no usual one
 */
export function scanChunk(raw: Buffer): QuietChunk | undefined {
  // Byte for byte; all that is looked for is ASCII.
  const text = raw.toString('latin1');
  if (!text.startsWith(start) || !text.endsWith(lineEnd)) return undefined;
  if (text.indexOf('\n') !== text.length - 2) return undefined;
  if (text.includes('"error"') || text.includes('\\u00')) return undefined;
  const at = text.indexOf(usage);
  if (at < 0) return { withoutUsage: raw };
  if (at !== text.length - nullUsage.length + 1 || !text.endsWith(nullUsage)) return undefined;
  return { withoutUsage: Buffer.concat([raw.subarray(0, at - 1), closing]) };
}

const closing = Buffer.from(lineEnd);
