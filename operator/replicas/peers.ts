import type { Clock } from '../kube/clock.ts';
import { rendezvous } from './rendezvous.ts';

/** One replica's sign of life as it is stored. */
export interface Heartbeat {
  name: string;
  /** Changes with each beat. */
  version: string;
  /** `https://<address>:<port>` of this very replica; undefined: it cannot be told from the others from outside. */
  origin: string | undefined;
  /** Silence after which it is taken for gone. */
  durationMs: number;
}

interface Seen extends Heartbeat {
  changedMs: number;
}

/** Where the pods of a namespace have their leases kept best: a hint, which nothing depends on for being right. */
export interface Homes {
  /** Origin of the replica that is the home of all budgets of a namespace; undefined while there is but one. */
  homeOf(namespace: string): string | undefined;
  /** Origin of the replica to be called while that one does not answer; the same for all pods of the namespace. */
  standInOf(namespace: string): string | undefined;
  /** Told whenever a replica has come or gone; the result ends that. Must not throw. */
  onChange(handler: () => void): () => void;
}

/** The replicas there are, as seen from one of them: what has not changed here for its duration is gone, whatever times it names. */
export class Peers implements Homes {
  readonly #own: { name: string; origin: string | undefined };
  readonly #clock: Clock;
  readonly #handlers = new Set<() => void>();
  #seen = new Map<string, Seen>();
  /** Origins of those that are alive, by name, the own one included. */
  #alive: ReadonlyMap<string, string | undefined>;

  /** `clock` must be monotonic. */
  constructor({ own, clock }: { own: Pick<Heartbeat, 'name' | 'origin'>; clock: Clock }) {
    this.#own = { ...own };
    this.#clock = clock;
    this.#alive = new Map([[own.name, own.origin]]);
  }

  /** Name and origin of this replica. */
  get own(): Pick<Heartbeat, 'name' | 'origin'> {
    return this.#own;
  }

  /** From now on this replica serves there. */
  serveAt(origin: string | undefined): void {
    this.#own.origin = origin;
    this.look();
  }

  get hasPeers(): boolean {
    return this.#alive.size > 1;
  }

  /** How many replicas there are, this one included. */
  get count(): number {
    return this.#alive.size;
  }

  homeOf(namespace: string): string | undefined {
    return this.hasPeers ? this.#alive.get(this.#choose(namespace, []) ?? '') : undefined;
  }

  standInOf(namespace: string): string | undefined {
    const home = this.hasPeers ? this.#choose(namespace, []) : undefined;
    return home === undefined ? undefined : this.#alive.get(this.#choose(namespace, [home]) ?? '');
  }

  /** Name of the replica that a namespace belongs to, of those that can be told apart from outside. */
  #choose(namespace: string, not: readonly string[]): string | undefined {
    const reachable = [...this.#alive].filter(
      ([name, origin]) => origin !== undefined && !not.includes(name),
    );
    return rendezvous(
      namespace,
      reachable.map(([name]) => name),
    );
  }

  onChange(handler: () => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Takes over all heartbeats that are stored now. */
  observe(heartbeats: readonly Heartbeat[]): void {
    const nowMs = this.#clock.nowMs();
    const entries = heartbeats.map((beat): [string, Seen] => {
      const before = this.#seen.get(beat.name);
      const changedMs = before?.version === beat.version ? before.changedMs : nowMs;
      return [beat.name, { ...beat, changedMs }];
    });
    this.#seen = new Map(entries);
    this.look();
  }

  /** Looks who is gone by now, also when nothing could be read. */
  look(): void {
    const before = textOf(this.#alive);
    const alive = [...this.#seen.values()].filter((seen) => this.#silentMs(seen) < seen.durationMs);
    this.#alive = new Map([
      ...alive.map(({ name, origin }): [string, string | undefined] => [name, origin]),
      [this.#own.name, this.#own.origin],
    ]);
    if (textOf(this.#alive) === before) return;
    for (const handler of this.#handlers) handler();
  }

  /** Names of those that have been silent for so long that nobody will ask for them again. */
  silentFor(ms: number): string[] {
    return [...this.#seen.values()].filter((seen) => this.#silentMs(seen) >= ms).map(({ name }) => name);
  }

  #silentMs({ changedMs }: Seen): number {
    return this.#clock.nowMs() - changedMs;
  }
}

/** The same for the same replicas, in whatever order they are. */
function textOf(alive: ReadonlyMap<string, string | undefined>): string {
  const texts = [...alive].map((entry) => JSON.stringify(entry));
  return texts.toSorted().join();
}
