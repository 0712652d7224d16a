import { isUnset, refuse, requireRecord, requireText } from './bound-refusal.ts';
import { boundJsonTokens, boundTextTokens } from './token-bound.ts';

/** The most tokens each placeholder's value can be, by name. */
export type PlaceholderBounds = ReadonlyMap<string, { readonly text: number; readonly json: number }>;

/** How every placeholder begins; blanks are more than SAP's own templates have. */
const opening = /\{\{\s*\?\s*(?:([\w.-]+)\s*\}\})?/g;
/** Inside a schema a value is spelt like the schema: twice its compact JSON. */
const schemaTokensPerByte = 2;

/**
 * Reads the values that placeholders may be filled with. Where a name has a default as well, the longer counts.
 *
 * @throws Refused for a value that has a placeholder itself: whether it is filled again is not defined
 */
export function readPlaceholders(given: unknown, defaults: unknown, defaultsPath: string): PlaceholderBounds {
  const bounds = new Map<string, { text: number; json: number }>();
  for (const [values, path] of [
    [defaults, defaultsPath],
    [given, 'placeholder_values'],
  ] as const) {
    if (isUnset(values)) continue;
    for (const [name, value] of Object.entries(requireRecord(values, path))) {
      const text = requireText(value, `${path}.${name}`);
      if (text.search(opening) >= 0)
        refuse('value_not_allowed', `${path}.${name}`, 'must not contain a placeholder itself');
      const known = bounds.get(name) ?? { text: 0, json: 0 };
      bounds.set(name, {
        text: Math.max(known.text, boundTextTokens(text)),
        json: Math.max(known.json, boundJsonTokens(text, `${path}.${name}`)),
      });
    }
  }
  return bounds;
}

/**
 * The tokens that filling every placeholder can add. One that cannot be read counts as the longest value there is.
 *
 * @throws Refused when something is nested too deep
 */
export function boundPlaceholders(
  where: { messages: readonly unknown[]; schemas: readonly unknown[] },
  bounds: PlaceholderBounds,
): number {
  if (bounds.size === 0) return 0;
  const longest = [...bounds.values()].reduce(
    (most, { text, json }) => ({ text: Math.max(most.text, text), json: Math.max(most.json, json) }),
    { text: 0, json: 0 },
  );
  const fill = (values: readonly unknown[]) =>
    values
      .flatMap((value) => occurrences(value))
      .map((name) => (name === undefined ? longest : (bounds.get(name) ?? { text: 0, json: 0 })));
  const text = fill(where.messages).reduce((sum, bound) => sum + bound.text, 0);
  const json = fill(where.schemas).reduce((sum, bound) => sum + bound.json, 0);
  return text + json * schemaTokensPerByte;
}

/** Names of all placeholders in all texts of a value, `undefined` for each that has no plain name. */
function occurrences(value: unknown): (string | undefined)[] {
  if (typeof value === 'string') return [...value.matchAll(opening)].map(([, name]) => name);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [...occurrences(name), ...occurrences(member)]);
}
