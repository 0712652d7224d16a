import { refuse } from './bound-refusal.ts';

/**
 * The most tokens that a text can be, whatever tokenizer reads it: byte-level tokenizers make at most one token
 * of each byte of UTF-8, and some normalise (NFKC) first, which can make more bytes (U+FDFA: 3 to 33).
 */
export function boundTextTokens(text: string): number {
  if (isAscii(text)) return text.length;
  return Math.max(utf8Length(text), utf8Length(text.normalize('NFKC')));
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

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) > 0x7f) return false;
  }
  return true;
}

/** Bytes of UTF-8; a lone surrogate counts as the replacement character it is sent as. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (isHighSurrogate(unit) && isLowSurrogate(text.charCodeAt(index + 1))) {
      bytes += 4;
      index += 1;
    } else bytes += 3;
  }
  return bytes;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
