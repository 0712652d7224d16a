import { decimalText, exact, nano, sum } from './exact.ts';

/** One inference as SAP (the emulator) has it in its books. */
export interface BilledRequest {
  requestId: string;
  promptTokens: number;
  outputTokens: number;
  /** Exact decimal text. */
  capacityUnits: string;
  usageDelivered: boolean;
  cutShort: boolean;
}

/** What the ledger object of the API server says, in CU as decimal text. */
export interface LedgerFigures {
  cap: string;
  settled: string;
  outstanding: string;
  held: string;
  overrun: string;
}

/** What a sidecar's metrics say. */
export interface MeteredTokens {
  input: number;
  output: number;
}

/** A request the budget refused, with what the refusal itself states. */
export interface Refusal {
  /** CU of the cheapest form of the request. */
  requested: string;
  /** SAP's bill and the amounts held at that moment, seen from outside. */
  billedBefore: string;
  heldBefore: string;
}

/** An answer whose limit was lowered and that ended at it. */
export interface CutShort {
  /** CU the request would have needed with its limit as it was. */
  requested: string;
  billedBefore: string;
  heldBefore: string;
}

export interface Evidence {
  ledger: LedgerFigures;
  metered: MeteredTokens;
  billed: BilledRequest[];
  refusals: Refusal[];
  cutShort: CutShort[];
}

/** One thing that has to be so, and whether it is. */
export interface Verdict {
  rule: string;
  found: string;
  holds: boolean;
}

const cu = (requests: BilledRequest[]): bigint => sum(requests.map((each) => exact(each.capacityUnits)));

/** Holds the three books against each other: ledger, sidecar, and SAP's own. */
export function compareBooks(evidence: Evidence): Verdict[] {
  const { ledger, metered, billed } = evidence;
  const known = billed.filter((request) => request.usageDelivered);
  const unknown = billed.filter((request) => !request.usageDelivered);
  const [cap, settled, held] = [exact(ledger.cap), exact(ledger.settled), exact(ledger.held)];
  const difference = settled - cu(known);
  const allowed = nano * BigInt(known.length);
  const tokens = (kind: 'promptTokens' | 'outputTokens'): number =>
    known.reduce((total, request) => total + request[kind], 0);
  const total = cu(billed);
  return [
    {
      rule: 'tokens metered = tokens billed, where the usage arrived',
      found: `${metered.input} in, ${metered.output} out / ${tokens('promptTokens')} in, ${tokens('outputTokens')} out`,
      holds: metered.input === tokens('promptTokens') && metered.output === tokens('outputTokens'),
    },
    {
      rule: `settled − billed between 0 and 1 nano-CU a request (${known.length})`,
      found: `${decimalText(difference)} CU`,
      holds: difference >= 0n && difference <= allowed,
    },
    {
      rule: `billed ≤ held, where no usage arrived (${unknown.length})`,
      found: `${decimalText(cu(unknown))} / ${ledger.held} CU`,
      holds: cu(unknown) <= held,
    },
    { rule: 'billed ≤ cap', found: `${decimalText(total)} / ${ledger.cap} CU`, holds: total <= cap },
    {
      rule: 'settled + held ≤ cap',
      found: `${decimalText(settled + held)} / ${ledger.cap} CU`,
      holds: settled + held <= cap,
    },
  ];
}

/** Whether the cap was held without refusing, cutting short or hoarding. */
export function judgeRefusals(evidence: Evidence): Verdict[] {
  const { ledger, refusals, cutShort } = evidence;
  const cap = exact(ledger.cap);
  const affordable = (each: Refusal | CutShort): boolean =>
    cap - exact(each.billedBefore) - exact(each.heldBefore) >= exact(each.requested);
  const refused = refusals.filter(affordable).length;
  const cut = cutShort.filter(affordable).length;
  const unspent = cap - exact(ledger.settled) - exact(ledger.held);
  const smallest = refusals.map((each) => exact(each.requested)).sort((a, b) => (a < b ? -1 : 1))[0];
  return [
    {
      rule: `refused while affordable (of ${refusals.length} refused)`,
      found: String(refused),
      holds: refused === 0 && refusals.length > 0,
    },
    {
      rule: `cut short while affordable (of ${cutShort.length} cut short)`,
      found: String(cut),
      holds: cut === 0,
    },
    {
      rule: 'unspent (cap − settled − held) < one worst case of what was refused',
      found: `${decimalText(unspent)} / ${smallest === undefined ? 'nothing was refused' : decimalText(smallest)} CU`,
      holds: smallest !== undefined && unspent < smallest,
    },
  ];
}

/** What a table shows and a log keeps. */
export function verdictLines(verdicts: Verdict[]): string[] {
  const width = Math.max(...verdicts.map(({ rule }) => rule.length));
  return verdicts.map(
    ({ rule, found, holds }) => `${holds ? 'ok ' : 'BAD'}  ${rule.padEnd(width)}  ${found}`,
  );
}
