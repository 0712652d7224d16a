/**
 * Parses JSON in which one member is a figure that must stay exact: its numbers are given as they were written, as text.
 *
 * @throws SyntaxError where the text is not JSON
 */
export function parseExactly(text: string, member: string): unknown {
  return JSON.parse(text, function reviver(key: string, value: unknown, context?: { source?: string }) {
    return key === member && typeof value === 'number' ? (context?.source ?? String(value)) : value;
  });
}
