import { maxRowsLength } from '../../crds/ledger.ts';
import { LedgerError } from './ledger-error.ts';
import type { LedgerWriter } from './ledger-writer.ts';

/** Rows grow as their holders report: from here on nobody new comes in, so that everybody who is in can go on. */
const admissionLength = Math.floor(maxRowsLength * 0.9);
/** A process that starts reads all of them, and their pages: beyond this it is time for several budgets. */
const maxHolders = 20_000;
/** A generous length of a new row. */
const newRowLength = 600;

/** Lets new holders into a ledger while there is room for what those in it have to report. */
export class Admissions {
  readonly #writer: LedgerWriter;
  /** Newcomers whose rows are not stored yet. */
  #underWay = 0;

  constructor(writer: LedgerWriter) {
    this.#writer = writer;
  }

  /**
   * Runs what may make a new row.
   *
   * @throws LedgerError `full`
   */
  async admit<T>(run: () => Promise<T>): Promise<T> {
    const { name, ledger, rowsLength: length } = this.#writer.stored;
    if (ledger.rows.size + this.#underWay >= maxHolders)
      throw new LedgerError(
        'full',
        `the ledger ${name} has ${maxHolders} holders, which is the most: divide them among several budgets`,
      );
    if (length + (this.#underWay + 1) * newRowLength > admissionLength)
      throw new LedgerError(
        'full',
        `the ledger ${name} has no room for another holder: it has ${length} of at most ${maxRowsLength} characters, the last tenth is for those in it. Rows of pods that are gone are folded within minutes once nothing of theirs is held`,
      );
    this.#underWay += 1;
    try {
      return await run();
    } finally {
      this.#underWay -= 1;
    }
  }
}
