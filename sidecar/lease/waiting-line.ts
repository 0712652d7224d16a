import { sleep } from '../pause.ts';
import type { Reservation } from './holder-options.ts';
import { LeaseError } from './lease-error.ts';
import type { Wish } from './next-move.ts';

/** A request that waits for its reservation. */
export interface Waiter {
  readonly id: string;
  readonly wish: Wish;
  readonly signal: AbortSignal;
  /** Monotonic ms after which it waits no longer. */
  readonly deadlineMs: number;
}

interface Place extends Waiter {
  readonly resolve: (reservation: Reservation) => void;
  readonly reject: (error: unknown) => void;
}

/** More than this would wait in vain: each is one request the application has open. */
const maxWaiting = 1000;

/** Requests in order of arrival: the first is served until it has its reservation or its refusal. */
export class WaitingLine {
  readonly #serve: (waiter: Waiter) => Promise<Reservation>;
  readonly #places: Place[] = [];
  readonly #watchers = new Set<() => void>();
  #serving = false;

  constructor(serve: (waiter: Waiter) => Promise<Reservation>) {
    this.#serve = serve;
  }

  get length(): number {
    return this.#places.length;
  }

  /** The one that is being served. */
  get first(): Waiter | undefined {
    return this.#places[0];
  }

  /** Waits for a reservation. Throws LeaseError. */
  join(waiter: Waiter): Promise<Reservation> {
    if (this.#places.length >= maxWaiting)
      return Promise.reject(new LeaseError('too_many_waiting', 'too many requests wait for a reservation'));
    const { promise, resolve, reject } = Promise.withResolvers<Reservation>();
    const place = { ...waiter, resolve, reject };
    this.#places.push(place);
    waiter.signal.addEventListener('abort', () => this.#leave(place), { once: true });
    void this.#serveAll();
    return promise;
  }

  /** Something has changed that a waiting request may have waited for. */
  notify(): void {
    for (const wake of this.#watchers) wake();
  }

  /** Runs at each `notify`, until the function that comes back is called. */
  watch(run: () => void): () => void {
    this.#watchers.add(run);
    return () => this.#watchers.delete(run);
  }

  /** Resolves at the next `notify`, when the signal is aborted, or after this time. */
  async change(ms: number, signal: AbortSignal): Promise<void> {
    let watcher: (() => void) | undefined;
    await sleep(ms, signal, (wake) => {
      watcher = wake;
      this.#watchers.add(wake);
    });
    if (watcher) this.#watchers.delete(watcher);
  }

  refuseAll(error: LeaseError): void {
    for (const place of this.#places.splice(0)) place.reject(error);
    this.notify();
  }

  /** Who is being served notices it by itself. */
  #leave(place: Place): void {
    const index = this.#places.indexOf(place);
    if (index <= 0) return;
    this.#places.splice(index, 1);
    place.reject(clientGone());
  }

  async #serveAll(): Promise<void> {
    if (this.#serving) return;
    this.#serving = true;
    for (let first = this.#places[0]; first !== undefined; first = this.#places[0]) {
      try {
        first.resolve(await this.#serve(first));
      } catch (error) {
        first.reject(error);
      }
      if (this.#places[0] === first) this.#places.shift();
    }
    this.#serving = false;
  }
}

/** The client of a waiting request has left: nobody waits for its reservation. */
export function clientGone(): LeaseError {
  return new LeaseError('client_gone', 'the client has gone');
}
