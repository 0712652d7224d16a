/**
 * Entries of a ledger by key, in two parts: what its pages say, and beyond that what is not as they say. So a copy costs
 * as much as was changed since entries went into a page, and a write knows what it has to store without comparing.
 *
 * Entries are never changed in place. What the pages say is one map for all copies; only the copy that was stored with
 * new pages takes them over, and all earlier ones are of no use after that.
 */
export class PagedEntries<Entry> {
  readonly #paged: Map<string, Entry>;
  readonly #beyond: Map<string, Entry | undefined>;
  #size: number;

  /** `beyond` counts more than `paged`; undefined there: pages have the key, and the ledger has it no more. */
  constructor(
    paged: Map<string, Entry> = new Map(),
    beyond: ReadonlyMap<string, Entry | undefined> = new Map(),
    size?: number,
  ) {
    this.#paged = paged;
    this.#beyond = new Map(beyond);
    this.#size = size ?? [...this].length;
  }

  get size(): number {
    return this.#size;
  }

  get(key: string): Entry | undefined {
    return this.#beyond.has(key) ? this.#beyond.get(key) : this.#paged.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  set(key: string, entry: Entry): this {
    if (!this.has(key)) this.#size += 1;
    this.#beyond.set(key, entry);
    return this;
  }

  delete(key: string): void {
    if (this.has(key)) this.#size -= 1;
    if (this.#paged.has(key)) this.#beyond.set(key, undefined);
    else this.#beyond.delete(key);
  }

  *[Symbol.iterator](): Generator<[string, Entry], undefined> {
    for (const [key, paged] of this.#paged) {
      const entry = this.#beyond.has(key) ? this.#beyond.get(key) : paged;
      if (entry !== undefined) yield [key, entry];
    }
    for (const [key, entry] of this.#beyond)
      if (entry !== undefined && !this.#paged.has(key)) yield [key, entry];
    return undefined;
  }

  *values(): Generator<Entry, undefined> {
    for (const [, entry] of this) yield entry;
    return undefined;
  }

  *keys(): Generator<string, undefined> {
    for (const [key] of this) yield key;
    return undefined;
  }

  /** What is not as the pages say; undefined: they have the key, and the ledger has it no more. */
  get beyond(): ReadonlyMap<string, Entry | undefined> {
    return this.#beyond;
  }

  /** What would be beyond the pages if later ones said this, too; undefined: a page says that the key is gone. */
  beyondWith(added: Iterable<readonly [string, Entry | undefined]>): ReadonlyMap<string, Entry | undefined> {
    const beyond = new Map(this.#beyond);
    for (const [key, entry] of added) {
      const current = this.get(key);
      if (current === entry) beyond.delete(key);
      else beyond.set(key, current);
    }
    return beyond;
  }

  /** Pages that were added say this now, and that is stored. */
  adopt(added: Iterable<readonly [string, Entry | undefined]>): void {
    for (const [key, entry] of added) {
      const current = this.get(key);
      if (entry === undefined) this.#paged.delete(key);
      else this.#paged.set(key, entry);
      if (current === entry) this.#beyond.delete(key);
      else this.#beyond.set(key, current);
    }
  }

  /** What can be changed without this one. */
  copy(): PagedEntries<Entry> {
    return new PagedEntries(this.#paged, this.#beyond, this.#size);
  }
}
