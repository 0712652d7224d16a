/** What a PromQL expression names. */
export interface QueryNames {
  readonly metrics: readonly string[];
  /** Of matchers, aggregations and matchings. */
  readonly labels: readonly string[];
}

const name = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const words = new Set(['and', 'or', 'unless', 'offset', 'bool', 'inf', 'nan']);
const clause = new RegExp(`\\b(?:by|without|on|ignoring|group_left|group_right)\\s*\\(([^()]*)\\)`, 'g');

/**
 * Reads the names out of an expression as it is written here: matchers in braces, `by (…)` with brackets. Enough to find
 * a name that no program exports; Prometheus itself judges the syntax.
 */
export function queryNames(expression: string): QueryNames {
  const labels: string[] = [];
  const note = (text: string): string => {
    labels.push(...(text.match(new RegExp(name, 'g')) ?? []));
    return ' ';
  };
  const rest = expression
    .replace(/"(?:[^"\\]|\\.)*"/g, '')
    .replace(/\{([^{}]*)\}/g, (_, matchers: string) => note(matchers))
    .replace(clause, (_, list: string) => note(list))
    .replace(/\[[^\]]*\]/g, ' ');
  const found = rest.matchAll(new RegExp(`(?<![\\w$.])(${name})(?!\\s*\\()\\b(?!\\s*\\()`, 'g'));
  const metrics = [...found].map((match) => match[1] ?? '').filter((word) => !words.has(word.toLowerCase()));
  return { metrics: [...new Set(metrics)], labels: [...new Set(labels)] };
}
