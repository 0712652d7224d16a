/** What became of one request's money, in CU as decimal text. */
export interface Receipt {
  readonly requestId: string;
  readonly model: string;
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
