import type { KubeObject } from './resource.ts';

/** What changed in a store. Handlers must read the whole state anyway; the type is for logs and metrics. */
export type Change<T extends KubeObject> =
  | { type: 'added'; object: T }
  | { type: 'updated'; object: T; previous: T }
  | { type: 'deleted'; object: T };

/** For each index, the values under which an object is found. */
export type Indexes<T extends KubeObject> = Record<string, (object: T) => readonly string[]>;

/** `namespace/name`, or the name alone for objects of the whole cluster. */
export function keyOf({ metadata: { namespace, name } }: KubeObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The objects of one resource as last seen, by key and by index. They are shared: nobody may change them. */
export class ObjectStore<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes: Indexes<T>;
  /** index name → value → keys */
  readonly #found = new Map<string, Map<string, Set<string>>>();

  constructor(indexes: Indexes<T> = {}) {
    this.#indexes = indexes;
    for (const index of Object.keys(indexes)) this.#found.set(index, new Map());
  }

  get size(): number {
    return this.#objects.size;
  }
  get(key: string): T | undefined {
    return this.#objects.get(key);
  }
  list(): T[] {
    return [...this.#objects.values()];
  }
  /** Objects that the index gives that value. Throws a TypeError for an index that does not exist. */
  byIndex(index: string, value: string): T[] {
    const values = this.#found.get(index);
    if (values === undefined) throw new TypeError(`there is no index "${index}"`);
    return [...(values.get(value) ?? [])].flatMap((key) => this.#objects.get(key) ?? []);
  }

  /** Takes the object in; says what that changed, if anything. */
  put(object: T): Change<T>[] {
    const key = keyOf(object);
    const previous = this.#objects.get(key);
    if (previous === undefined) {
      this.#insert(key, object);
      return [{ type: 'added', object }];
    }
    if (previous.metadata.resourceVersion === object.metadata.resourceVersion) return [];
    this.#drop(key, previous);
    this.#insert(key, object);
    if (previous.metadata.uid === object.metadata.uid) return [{ type: 'updated', object, previous }];
    // Deleted and made again while nobody watched: two different objects.
    return [
      { type: 'deleted', object: previous },
      { type: 'added', object },
    ];
  }

  /** Takes the object out; `last` is its state at the end, if known. */
  remove(key: string, last?: T): Change<T>[] {
    const known = this.#objects.get(key);
    if (known === undefined) return [];
    this.#drop(key, known);
    return [{ type: 'deleted', object: last ?? known }];
  }

  /** Makes the store equal to a list, deletions that nobody saw included. */
  replaceAll(objects: readonly T[]): Change<T>[] {
    const listed = new Set(objects.map(keyOf));
    const gone = [...this.#objects.keys()].filter((key) => !listed.has(key));
    return [...gone.flatMap((key) => this.remove(key)), ...objects.flatMap((object) => this.put(object))];
  }

  #insert(key: string, object: T): void {
    this.#objects.set(key, object);
    for (const [keys] of this.#keySets(object)) keys.add(key);
  }

  #drop(key: string, object: T): void {
    this.#objects.delete(key);
    for (const [keys, remove] of this.#keySets(object)) {
      keys.delete(key);
      if (keys.size === 0) remove();
    }
  }

  /** The key sets that the object belongs in, made where missing, each with what takes it away again. */
  #keySets(object: T): [Set<string>, () => void][] {
    return Object.entries(this.#indexes).flatMap(([index, valuesOf]) => {
      const values = this.#found.get(index) ?? new Map<string, Set<string>>();
      return valuesOf(object).map((value): [Set<string>, () => void] => {
        const keys = values.get(value) ?? new Set<string>();
        values.set(value, keys);
        return [keys, () => values.delete(value)];
      });
    });
  }
}
