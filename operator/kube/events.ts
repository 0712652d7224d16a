import type { KubeClient } from './client.ts';
import { backOffMs, pause, systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { beginEvent, eventKey, eventObject, microTime } from './event-object.ts';
import type { EventNote, Remembered } from './event-object.ts';
import { isKubeError } from './kube-error.ts';
import { events } from './resource.ts';

/** Settings of a recorder; clock comes from tests. */
export interface EventRecorderOptions {
  kube: KubeClient;
  /** Qualified name of the program, as in `kubectl describe`. */
  controller: string;
  /** This process, usually the pod's name. */
  instance: string;
  clock?: Clock;
  /** Different happenings remembered for aggregation; the least recently seen is forgotten first. */
  maxRemembered?: number;
  /** An event that could not be written is dropped after its attempts, or at once where there is no room. */
  onDropped?: (dropped: { reason: string; error: unknown }) => void;
}

/** As client-go: what does not happen again for so long is a new event when it does. */
const seriesEndsMs = 6 * 60_000;
/** A repeating event is written at most this often. */
const seriesWriteMs = 60_000;
const defaultMaxRemembered = 1_000;
const maxAttempts = 4;

/**
 * Writes events without ever holding up its caller. The same happening (object, type, reason, action) is one event with a growing
 * series, the note being that of the first. Memory is bounded; what cannot be written is dropped and told to `onDropped`.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  /** Least recently seen first. */
  readonly #remembered = new Map<string, Remembered>();
  #wake = (): void => {};

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Notes the happening, which is written while `run` runs. False: it goes on a series that is under way. */
  record(note: EventNote): boolean {
    const nowMs = this.#clock.nowMs();
    const key = eventKey(note);
    const known = this.#remembered.get(key);
    this.#remembered.delete(key);
    const goesOn = known !== undefined && nowMs - known.lastMs < seriesEndsMs;
    this.#remembered.set(
      key,
      goesOn ? { ...known, count: known.count + 1, lastMs: nowMs } : beginEvent(note, nowMs),
    );
    this.#makeRoom();
    this.#wake();
    return !goesOn;
  }

  /** Writes until the signal fires, then once more what is left, within the client's request time; then resolves. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await this.#writeDue(signal);
      await this.#wait(woken, signal);
    }
    for (const [key, one] of this.#remembered) {
      if (one.count > one.writtenCount) await this.#write(key, signal);
    }
  }

  /** Until there is something new, a series may be due, or the stop. */
  async #wait(woken: Promise<void>, signal: AbortSignal): Promise<void> {
    // An abort while the last events were written fires no listener any more.
    if (signal.aborted) return;
    const timer = new AbortController();
    const stop = (): void => timer.abort();
    signal.addEventListener('abort', stop, { once: true });
    await Promise.race([woken, pause(this.#clock, seriesWriteMs, timer.signal)]);
    signal.removeEventListener('abort', stop);
    stop();
  }

  async #writeDue(signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.nowMs();
    for (const [key, one] of this.#remembered) {
      const due = !one.created || (one.count > one.writtenCount && nowMs - one.writtenMs >= seriesWriteMs);
      if (due) await this.#write(key, signal);
      else if (one.count === one.writtenCount && nowMs - one.lastMs >= seriesEndsMs)
        this.#remembered.delete(key);
    }
  }

  async #write(key: string, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const one = this.#remembered.get(key);
      if (one === undefined) return;
      try {
        await (one.created ? this.#patch(one) : this.#create(one));
        this.#mark(key, one);
        return;
      } catch (error) {
        if (this.#settle(key, one, error)) return;
        if (!isTransient(error) || attempt >= maxAttempts || signal.aborted) {
          this.#drop(key, error);
          return;
        }
      }
      await pause(this.#clock, backOffMs(attempt, { baseMs: 500, maxMs: 10_000 }), signal);
    }
  }

  /** True where the failure is none: what is still to be written follows with the series. */
  #settle(key: string, one: Remembered, error: unknown): boolean {
    if (isKubeError(error, 'AlreadyExists')) {
      // An attempt that seemed to fail had succeeded.
      this.#mark(key, { ...one, count: 1 });
      return true;
    }
    if (!one.created || !isKubeError(error, 'NotFound')) return false;
    // Somebody removed the event, or it outlived the server's time to live: it begins anew.
    this.#remembered.set(key, { ...one, created: false });
    this.#wake();
    return true;
  }

  /** Remembers what is written now; more may have happened meanwhile. */
  #mark(key: string, written: Remembered): void {
    const latest = this.#remembered.get(key);
    if (latest?.name !== written.name) return;
    latest.created = true;
    latest.writtenCount = written.count;
    latest.writtenMs = this.#clock.nowMs();
  }

  #drop(key: string, error: unknown): void {
    const reason = this.#remembered.get(key)?.note.reason ?? 'unknown';
    this.#remembered.delete(key);
    this.#options.onDropped?.({ reason, error });
  }

  #makeRoom(): void {
    const { maxRemembered = defaultMaxRemembered } = this.#options;
    for (const [key, one] of this.#remembered) {
      if (this.#remembered.size <= maxRemembered) return;
      if (one.count > one.writtenCount) this.#drop(key, new Error('too many different events at a time'));
      else this.#remembered.delete(key);
    }
  }

  #create(one: Remembered): Promise<unknown> {
    return this.#options.kube.create(events, eventObject(one, this.#options));
  }

  #patch({ namespace, name, count, lastMs }: Remembered): Promise<unknown> {
    const series = { count, lastObservedTime: microTime(lastMs) };
    return this.#options.kube.mergePatch(events, { series }, { namespace, name });
  }
}

function isTransient(error: unknown): boolean {
  return isKubeError(error) && (error.code === 0 || error.code === 429 || error.code >= 500);
}
