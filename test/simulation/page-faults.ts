import type { PlantedFault } from './faults.ts';

const keeper = 'operator/ledger/page-keeper.ts';

/** How pages of ledgers come and go. */
export const pageFaults: readonly PlantedFault[] = [
  {
    name: 'a page is named before it is stored',
    file: keeper,
    text: 'if (entries.size > 0) await store.create(pagesOf, { name, entries }, this.#call());',
    instead: `if (entries.size > 0)
        store.create(pagesOf, { name, entries }, this.#call()).catch(() => undefined);`,
  },
  {
    name: 'a page is deleted while a write under way may still name it',
    file: keeper,
    text: 'for (const { page } of this.#prepared) this.#unwanted.add(page.name);\n    this.#prepared = [];',
    instead: `for (const { page } of this.#prepared)
      this.#options.store.delete(page.name, this.#call()).catch(() => undefined);
    this.#prepared = [];`,
  },
  {
    name: 'a page is deleted before the write that does not name it is stored',
    file: keeper,
    text: 'this.#deletable = [...this.#unwanted];\n    const dropped = new Set(this.#prepared.flatMap(({ drops }) => drops));',
    instead: `this.#deletable = [...this.#unwanted];
    const dropped = new Set(this.#prepared.flatMap(({ drops }) => drops));
    for (const { name } of dropped)
      this.#options.store.delete(name, this.#call()).catch(() => undefined);`,
  },
  {
    name: 'a page that was edited is not noticed',
    file: 'accounting/ledger-text.ts',
    text: '    checkSums(text, totals);\n',
    instead: '    if (pages.length === 0) checkSums(text, totals);\n',
  },
  {
    name: 'a page that is missing is not noticed',
    file: 'operator/ledger/ledger-store.ts',
    text: "if (!('missing' in pages)) return decode(object, pages);",
    instead: "return decode(object, 'missing' in pages ? known : pages);",
  },
  {
    name: 'a page that was prepared is used after the ledger was read anew',
    file: keeper,
    text: '    this.#prepared = [];\n    this.#index = undefined;\n    this.#version += 1;\n',
    instead: '    this.#index = undefined;\n',
  },
];
