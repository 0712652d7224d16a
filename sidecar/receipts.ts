/** What became of one request's money, in CU as decimal text. */
export interface Receipt {
  readonly requestId: string;
  /** When it was booked, ISO 8601. */
  readonly time: string;
  /** `<namespace>/<name>`. */
  readonly budget: string;
  readonly period: string;
  readonly model: string;
  /** `settled`: the cost is known. `held`: nobody knows it, and the reserved amount is set aside. */
  readonly outcome: 'settled' | 'held';
  /** As SAP reported them; input counts what came from a cache, too. Absent where nothing was reported. */
  readonly tokens?: { readonly input: number; readonly output: number };
  readonly reserved: string;
  /** What it cost; absent while nobody knows. */
  readonly spent?: string;
  /** Why the cost is not known, and the reserved amount held. */
  readonly unknown?: string;
}

/** A stream's cost is known after its headers have left; whoever asks a minute later still finds it. */
const kept = 1000;

/** The last requests by their id, for applications whose client hides the end of a stream. */
export class Receipts {
  readonly #byId = new Map<string, Receipt>();

  note(receipt: Receipt): void {
    this.#byId.set(receipt.requestId, receipt);
    if (this.#byId.size <= kept) return;
    const [oldest] = this.#byId.keys();
    if (oldest !== undefined) this.#byId.delete(oldest);
  }

  find(requestId: string): Receipt | undefined {
    return this.#byId.get(requestId);
  }
}
