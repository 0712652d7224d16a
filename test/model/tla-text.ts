/** A value as TLC prints it: records and functions as objects, sequences and sets as arrays, model values as text. */
export type TlaValue = number | string | boolean | TlaValue[] | { [key: string]: TlaValue };

/**
 * The states of a walk that TLC wrote to a file: what each variable was, in order.
 *
 * @throws Error where the text is not TLC's
 */
export function walkStates(text: string): Record<string, TlaValue>[] {
  const [, ...states] = text.split(/^STATE_\d+ ==/m);
  return states.map((state) => {
    const variables = state
      .split(/^=+$/m, 1)
      .join('')
      .split(/^\s*\/\\ /m)
      .filter((part) => part.trim() !== '');
    return Object.fromEntries(variables.map(variableOf));
  });
}

function variableOf(text: string): [string, TlaValue] {
  const [name = ''] = text.split(' = ', 1);
  return [name.trim(), parseValue(text.slice(name.length + 3))];
}

const token = /\s*(\|->|:>|@@|<<|>>|"[^"]*"|-?\d+|\w+|[[\](){},])/y;

/** One value. Throws where the text is not one. */
export function parseValue(text: string): TlaValue {
  return new Parser(text).value();
}

class Parser {
  readonly #tokens: string[] = [];
  #next = 0;

  constructor(text: string) {
    token.lastIndex = 0;
    for (let found = token.exec(text); found; found = token.exec(text)) this.#tokens.push(found[1] ?? '');
  }

  value(): TlaValue {
    const first = this.#take();
    if (first === '<<') return this.#list('>>');
    if (first === '{') return this.#list('}');
    if (first === '[') return this.#pairs({ end: ']', arrow: '|->', separator: ',' });
    if (first === '(') return this.#pairs({ end: ')', arrow: ':>', separator: '@@' });
    if (first === 'TRUE' || first === 'FALSE') return first === 'TRUE';
    if (first.startsWith('"')) return first.slice(1, -1);
    if (/^-?\d+$/.test(first)) return Number(first);
    if (/^\w+$/.test(first)) return first;
    throw new Error(`a TLA+ value cannot begin with ${first}`);
  }

  #list(end: string): TlaValue[] {
    const items: TlaValue[] = [];
    while (!this.#takeIf(end)) {
      items.push(this.value());
      this.#takeIf(',');
    }
    return items;
  }

  #pairs({ end, arrow, separator }: { end: string; arrow: string; separator: string }): TlaValue {
    const pairs: Record<string, TlaValue> = {};
    while (!this.#takeIf(end)) {
      const key = this.#take();
      if (!this.#takeIf(arrow)) throw new Error(`${arrow} is missing after ${key}`);
      pairs[key] = this.value();
      this.#takeIf(separator);
    }
    return pairs;
  }

  #take(): string {
    const taken = this.#tokens[this.#next];
    if (taken === undefined) throw new Error('a TLA+ value ends too early');
    this.#next += 1;
    return taken;
  }

  #takeIf(wanted: string): boolean {
    if (this.#tokens[this.#next] !== wanted) return false;
    this.#next += 1;
    return true;
  }
}
