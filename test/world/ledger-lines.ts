import type { StoredLedger } from './figures.ts';

/** One holder's line, as far as tests look at it. */
export interface RowLine {
  key: string;
  incarnation: number;
  seq: number;
  state: string;
}

/** One held amount: whose, why, since when, how much (CU as decimal text), and how it comes back. */
export interface HeldLine {
  key: string;
  reason: string;
  count: number;
  since: string;
  amount: string;
  wayBack: string;
}

/** The line of the only holder; throws when there are others. */
export function ledgerRow(ledger: StoredLedger): RowLine {
  const [row, ...others] = lines(ledger.rows);
  if (!row || others.length > 0) throw new Error(`the ledger has ${row ? 'several' : 'no'} holders`);
  return {
    key: row.key ?? '',
    incarnation: Number(row.incarnation),
    seq: Number(row.seq),
    state: row.state ?? '',
  };
}

/** Everything held, by holder and reason. */
export function heldReasons(ledger: StoredLedger): HeldLine[] {
  return lines(ledger.heldRows).map(
    ({ key = '', reason = '', count, since = '', amount = '0', wayBack = '' }) => ({
      key,
      reason,
      count: Number(count),
      since,
      amount,
      wayBack,
    }),
  );
}

/** Lines by the names of the header; the header's first word is the version of the format. */
function lines(text: string): Array<Record<string, string>> {
  const [header = '', ...rest] = text.split('\n');
  const names = header.split(' ').slice(1);
  return rest.map((line) =>
    Object.fromEntries(line.split(' ').map((field, index) => [names[index] ?? '', field])),
  );
}
