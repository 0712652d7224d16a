import { refuse } from './bound-refusal.ts';

/**
 * The most tokens that a text can be, whatever tokenizer reads it: byte-level tokenizers make at most one token
 * of each byte of UTF-8, and some normalise (NFKC) first, which can make more bytes (U+FDFA: 3 to 33).
 */
export function boundTextTokens(text: string): number {
  // A lone surrogate counts as the replacement character it is sent as.
  const bytes = Buffer.byteLength(text);
  // Everything beyond ASCII has more bytes than UTF-16 has units.
  return bytes === text.length ? bytes : Math.max(bytes, Buffer.byteLength(text.normalize('NFKC')));
}

/**
 * The most tokens that a value can be when it is written as compact JSON.
 *
 * @throws Refused when it is nested too deep to be written
 */
export function boundJsonTokens(value: unknown, field: string): number {
  return boundTextTokens(compactJson(value, field));
}

function compactJson(value: unknown, field: string): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch (error) {
    // The engine's stack ended: parsing has no such limit, so a body may nest deeper than can be written.
    if (error instanceof RangeError) return refuse('too_deep', field, 'is nested too deep: flatten it');
    throw error;
  }
}
