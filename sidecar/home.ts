const firstPauseMs = 2_000;
const maxPauseMs = 30_000;

/** One replica, and whether it is called. */
interface Place {
  readonly origin: string;
  pausedUntilMs: number;
  pauseMs: number;
  /** Ends calls under way there. */
  here: AbortController;
}

/**
 * Which of the operator's replicas this pod's calls go to: the one the operator named, while it answers, and in its place
 * the other one it named. That is a hint which saves writes and lets recalls arrive, because all pods of a namespace follow
 * it; every other replica serves just as well.
 */
export class Home {
  readonly #nowMs: () => number;
  /** The home, and who stands in for it. */
  #places: readonly Place[] = [];

  /** @param nowMs monotonic */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** What it was named as last, empty for none: the operator says when that is not so any more. */
  get told(): string {
    return this.#places[0]?.origin ?? '';
  }

  /** The replica to call now, and what ends a call that nobody answers there; undefined: call any. */
  get current(): { origin: string; left: AbortSignal } | undefined {
    const place = this.#places.find((each) => !this.#isPaused(each));
    return place && { origin: place.origin, left: place.here.signal };
  }

  /** How long (ms) others are called in place of the home; undefined: there is none, or it is called. */
  get awayMs(): number | undefined {
    const [home] = this.#places;
    return home && this.#isPaused(home) ? home.pausedUntilMs - this.#nowMs() : undefined;
  }

  /** The operator names the home, and who stands in for it; without a home there is nobody. */
  move(home: string | undefined, standIn?: string): void {
    const origins = [home, standIn].filter((origin) => origin !== undefined);
    const before = this.#places;
    this.#places = origins.map((origin) => before.find((each) => each.origin === origin) ?? newPlace(origin));
    for (const place of before) if (!this.#places.includes(place)) leave(place);
  }

  /** It has answered. */
  answered(origin: string): void {
    const place = this.#placeOf(origin);
    if (place !== undefined) place.pauseMs = firstPauseMs;
  }

  /** It has not: calls under way there end, and none goes there for a while. */
  failed(origin: string): void {
    const place = this.#placeOf(origin);
    if (place === undefined || this.#isPaused(place)) return;
    place.pausedUntilMs = this.#nowMs() + place.pauseMs;
    place.pauseMs = Math.min(maxPauseMs, place.pauseMs * 2);
    leave(place);
  }

  #placeOf(origin: string): Place | undefined {
    return this.#places.find((place) => place.origin === origin);
  }

  #isPaused({ pausedUntilMs }: Place): boolean {
    return this.#nowMs() < pausedUntilMs;
  }
}

function newPlace(origin: string): Place {
  return {
    origin,
    pausedUntilMs: Number.NEGATIVE_INFINITY,
    pauseMs: firstPauseMs,
    here: new AbortController(),
  };
}

function leave(place: Place): void {
  place.here.abort(new Error('calls go to another replica'));
  place.here = new AbortController();
}
