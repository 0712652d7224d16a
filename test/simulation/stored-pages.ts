import type { EntriesText } from '../../accounting/entries-text.ts';
import { decodePage } from '../../accounting/entries-text.ts';
import type { LedgerPage } from '../../accounting/ledger-pages.ts';
import { sapAiLedgerPage } from '../../crds/ledger-page.ts';
import { parseStored } from '../../crds/parse.ts';
import type { KubeObject } from '../../operator/kube/resource.ts';
import { hold } from './violation.ts';

interface StoredPage {
  readonly object: KubeObject;
  /** What its writer has stored. */
  readonly page: LedgerPage;
  /** What is found in its place, since somebody spoiled it. */
  spoiled?: { found: KubeObject | undefined };
}

/** Pages of ledgers as an API server stores them, and what they said before anybody spoiled them. */
export class StoredPages {
  readonly #pages = new Map<string, StoredPage>();
  /** Whether somebody has spoiled one: whoever read it then may find so later. */
  wereSpoiled = false;

  has(name: string): boolean {
    return this.#pages.has(name);
  }

  /** As it is found now. */
  find(name: string): KubeObject | undefined {
    const stored = this.#pages.get(name);
    return stored?.spoiled ? stored.spoiled.found : stored?.object;
  }

  get all(): KubeObject[] {
    return [...this.#pages.keys()].flatMap((name) => this.find(name) ?? []);
  }

  create(name: string, object: KubeObject): void {
    this.#pages.set(name, { object, page: decodePage(name, parseStored(sapAiLedgerPage, object).spec) });
  }

  delete(name: string): boolean {
    return this.#pages.delete(name);
  }

  /** The pages that a ledger names, as they were stored: they are there for as long as it names them. */
  truth(names: readonly string[]): LedgerPage[] {
    return names.map((name) => {
      const stored = this.#pages.get(name);
      hold('parts add up', stored !== undefined, () => `the page ${name} is gone, and a ledger names it`);
      return stored?.page ?? { name, entries: new Map(), bytes: 0 };
    });
  }

  /** What those pages say, as it was stored. */
  texts(names: readonly string[]): EntriesText[] {
    const stored = names.flatMap((name) => this.#pages.get(name)?.object ?? []);
    return stored.map((object) => parseStored(sapAiLedgerPage, object).spec);
  }

  /** Somebody deletes a page, or changes an amount in it; the name of the page, or undefined where there is none. */
  spoil(which: number, how: 'missing' | 'edited'): string | undefined {
    const whole = [...this.#pages].filter(([, { spoiled }]) => spoiled === undefined);
    const [name, stored] = whole[which % Math.max(1, whole.length)] ?? [];
    if (stored === undefined) return undefined;
    const found = how === 'edited' ? edited(stored.object) : undefined;
    if (how === 'edited' && found === undefined) return undefined;
    stored.spoiled = { found };
    this.wereSpoiled = true;
    return name;
  }

  /** Somebody puts the pages back as they were; false: all were whole. */
  mend(): boolean {
    const spoiled = [...this.#pages.values()].filter((stored) => stored.spoiled !== undefined);
    for (const stored of spoiled) delete stored.spoiled;
    return spoiled.length > 0;
  }
}

/** Lines that say what is held, of a ledger and its pages: of each row those of the last one that has it. */
export function heldLinesOf(texts: readonly EntriesText[]): string[] {
  const byKey = new Map<string, string[]>();
  const beyond: string[] = [];
  for (const { rows, heldRows } of texts) {
    for (const key of linesOf(rows).map(keyOf)) byKey.set(key, []);
    for (const line of linesOf(heldRows)) (byKey.get(keyOf(line)) ?? beyond).push(line);
  }
  return [...byKey.values(), beyond].flat();
}

function linesOf(text: string): string[] {
  return text.split('\n').slice(1);
}

function keyOf(line: string): string {
  return line.slice(0, line.indexOf(' '));
}

/** The last digit of an amount in a row is another one now. */
function edited(object: KubeObject): KubeObject | undefined {
  const { spec } = parseStored(sapAiLedgerPage, object);
  const rows = spec.rows.replace(/(?<= 0\.\d*)[1-9](?= )/, (digit) => String((Number(digit) % 9) + 1));
  return rows === spec.rows ? undefined : Object.assign(structuredClone(object), { spec: { ...spec, rows } });
}
