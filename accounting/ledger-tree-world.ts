import type { NanoCu } from './amount.ts';
import { copyLedger, isLedgerKey, ledgerKey, newLedger, setCap, unused } from './ledger.ts';
import type { Ledger, LedgerRow } from './ledger.ts';
import { setShares } from './ledger-shares.ts';
import { expireRows, handleLeaseRequest } from './ledger-transitions.ts';
import { schemaVersion } from './message-parts.ts';
import type { LeaseAnswer, LeaseRequest, ReportRequest } from './messages.ts';
import { openInParent, reportToParent, returnToParent, takeParentAnswer } from './parent-lease.ts';

const period = { name: '2026-11', startMs: 0, endMs: 1e15 };
const leaseSeconds = 300;
const processId = '00000000000000aa';

/** A ledger that is a holder in the parent, as it is stored, and as operators may still remember it. */
export interface Below {
  uid: string;
  name: string;
  ledger: Ledger;
  /** Older versions: an operator that has slept composes its report from one of them. */
  remembered: Ledger[];
}

interface Travelling<T> {
  below: Below;
  what: T;
}

/** One step of a history; `a` and `b` are whatever numbers it needs. */
export interface TreeStep {
  op: (typeof treeStepNames)[number];
  below: number;
  a: number;
  b: number;
}

/**
 * A parent's ledger with three ledgers below it, each written in one go and never two together; between them a channel
 * that loses, doubles and delays. Pods report to their ledger without faults: those are tried elsewhere.
 */
export class LedgerTreeWorld {
  readonly parent: Ledger;
  readonly below: Below[];
  nowMs = 1_000_000;
  /** Whether something has happened that no guarantee can stand: the cap was lowered, or a request overran its bound. */
  disturbed = false;
  readonly refused: LeaseAnswer[] = [];
  /** Told of every message that the parent's ledger has booked. */
  onBooked: (granted: boolean) => void = () => undefined;
  #messages: Travelling<LeaseRequest>[] = [];
  #answers: Travelling<LeaseAnswer>[] = [];

  constructor() {
    const budget = { namespace: 'root', name: 'all' };
    this.parent = newLedger({ budget, period, cap: 1000n });
    this.below = ['team-a', 'team-a', 'team-b'].map((namespace, index) => {
      const name = `b${index}`;
      const parent = { budget, ledgerUid: 'parent' };
      const ledger = newLedger({ budget: { namespace, name }, period, cap: 700n, parent });
      return { uid: `u${index}`, name: `${namespace}/${name}`, ledger, remembered: [] };
    });
    const guarantees: [string, NanoCu][] = this.below.map(({ name }, index) => [name, BigInt(index) * 150n]);
    setShares(
      this.parent,
      new Map(guarantees.map(([name, guaranteed]) => [name, { guaranteed, weight: 1 }])),
    );
  }

  rowOf({ uid }: Below): LedgerRow | undefined {
    return this.parent.rows.get(ledgerKey(uid));
  }

  do({ op, below: index, a, b }: TreeStep): void {
    const below = this.below[index % this.below.length];
    if (below === undefined) return;
    const before = below.ledger.seq;
    steps[op](this, below, { a, b });
    if (below.ledger.seq !== before) below.remembered.push(copyLedger(below.ledger));
  }

  /** What an operator that knows this version of the ledger would send. */
  send(below: Below, ledger: Ledger, ask?: { need: NanoCu; want: NanoCu }): void {
    const what = reportToParent(ledger, ask) ?? openInParent(ledger);
    if (what !== undefined) this.#messages.push({ below, what });
  }

  deliver(which: number, { keep }: { keep: boolean }): void {
    const message = pick(this.#messages, which, keep);
    if (message === undefined) return;
    const { below, what } = message;
    const granted = (): NanoCu => this.rowOf(below)?.granted ?? 0n;
    const before = granted();
    const context = {
      key: ledgerKey(below.uid),
      name: below.name,
      nowMs: this.nowMs,
      leaseSeconds,
      mayGrant: true,
    };
    const { answer } = handleLeaseRequest(this.parent, what, context);
    if (answer.kind === 'refused') this.refused.push(answer);
    this.onBooked(granted() > before);
    this.#answers.push({ below, what: answer });
  }

  answer(which: number, { keep }: { keep: boolean }): void {
    const travelling = pick(this.#answers, which, keep);
    if (travelling) takeParentAnswer(travelling.below.ledger, travelling.what);
  }

  lose(): void {
    this.#messages = [];
    this.#answers = [];
  }

  /** A pod of the root takes what it can get. */
  askParent(amount: NanoCu): void {
    const before = this.parent.totals.outstanding;
    this.#pod(this.parent, { ask: amount });
    this.onBooked(this.parent.totals.outstanding > before);
  }

  /** The pod of a ledger below reports; it never says anything wrong. */
  report(below: Below, change: PodChange): void {
    this.#pod(below.ledger, change);
  }

  /** Exchanges without faults until everything is told, and gives back what is idle. */
  heal(): void {
    this.lose();
    for (const below of this.below) {
      for (let round = 0; round < 4; round += 1) {
        this.send(below, below.ledger);
        this.deliver(0, { keep: false });
        this.answer(0, { keep: false });
        returnToParent(below.ledger, below.ledger.cap);
      }
    }
  }

  #pod(ledger: Ledger, { ask = 0n, ...change }: PodChange): void {
    const context = { key: 'pod:x', name: 'n/x', nowMs: this.nowMs, leaseSeconds, mayGrant: true };
    const common = { schema: schemaVersion, budget: 'b', ledgerUid: 'u' } as const;
    if (!ledger.rows.has(context.key))
      handleLeaseRequest(ledger, { ...common, kind: 'open', processId }, context);
    const row = ledger.rows.get(context.key);
    if (row === undefined) return;
    const message: ReportRequest = {
      ...common,
      ...figuresAfter(row, change),
      kind: 'report',
      incarnation: 1,
      seq: row.seq + 1,
      ...(ask > 0n && { ask: { need: ask, want: ask } }),
    };
    const { answer } = handleLeaseRequest(ledger, message, context);
    if (answer.kind === 'refused') this.refused.push(answer);
  }
}

/** What a pod reports that has done this with what it holds, as far as that goes. */
function figuresAfter(
  row: LedgerRow,
  { spend = 0n, over = 0n, lose = 0n, back = 0n }: Omit<PodChange, 'ask'>,
): Pick<ReportRequest, 'spent' | 'overrun' | 'returned' | 'unknown'> {
  const free = unused(row);
  const spent = least(spend, free);
  const lost = least(lose, free - spent);
  const amount = row.unknown + lost;
  return {
    spent: row.spent + spent + over,
    overrun: row.overrun + over,
    returned: row.returned + least(back, free - spent - lost),
    unknown: amount > 0n ? [{ reason: 'usage_missing', count: 1, amount, sinceMs: 0 }] : [],
  };
}

interface PodChange {
  ask?: NanoCu;
  spend?: NanoCu;
  /** Spent beyond what was reserved. */
  over?: NanoCu;
  /** Of unknown cost. */
  lose?: NanoCu;
  back?: NanoCu;
}

type Act = (world: LedgerTreeWorld, below: Below, numbers: { a: number; b: number }) => void;

const steps = {
  send: (world, below) => world.send(below, below.ledger),
  ask: (world, below, { a, b }) => {
    const need = BigInt(1 + (a % 200));
    world.send(below, below.ledger, { need, want: need * BigInt(1 + (b % 8)) });
  },
  // An operator that has slept, or another one whose memory is old.
  askFromMemory: (world, below, { a, b }) => {
    const old = below.remembered[a % Math.max(1, below.remembered.length)];
    if (old) world.send(below, old, { need: BigInt(1 + (b % 200)), want: BigInt(b) });
  },
  deliver: (world, _below, { a, b }) => world.deliver(a, { keep: b % 4 === 0 }),
  answer: (world, _below, { a, b }) => world.answer(a, { keep: b % 4 === 0 }),
  lose: (world, _below, { a }) => {
    if (a % 4 === 0) world.lose();
  },
  giveBack: (_world, below, { a }) => returnToParent(below.ledger, BigInt(a)),
  podAsks: (world, below, { a }) => world.report(below, { ask: BigInt(1 + (a % 100)) }),
  podSpends: (world, below, { a, b }) => {
    const over = b % 16 === 0 ? BigInt(b % 30) : 0n;
    if (over > 0n) world.disturbed = true;
    world.report(below, { spend: BigInt(a % 100), over });
  },
  podLosesCost: (world, below, { a }) => world.report(below, { lose: BigInt(a % 60) }),
  podReturns: (world, below, { a }) => world.report(below, { back: BigInt(a % 100) }),
  rootPodAsks: (world, _below, { a }) => world.askParent(BigInt(1 + (a % 300))),
  wait: (world, below, { a }) => {
    world.nowMs += a * 1000;
    expireRows(below.ledger, world.nowMs);
    expireRows(world.parent, world.nowMs);
  },
  lowerCap: (world, _below, { a, b }) => {
    if (b % 8 !== 0) return;
    world.disturbed = true;
    setCap(world.parent, BigInt(400 + a));
  },
} satisfies Record<string, Act>;

/** What can happen. */
export const treeStepNames = Object.keys(steps).filter((name): name is keyof typeof steps => name in steps);

/** What rows of a ledger are charged with: all that its holders have spent within their grants, or may still. */
export function chargedBy(rows: Iterable<LedgerRow>): NanoCu {
  let sum = 0n;
  for (const row of rows) sum += row.spent - row.overrun + row.unknown + row.lost + unused(row);
  return sum;
}

/** The rows of holders that are ledgers. */
export function ledgerRows({ rows }: Ledger): LedgerRow[] {
  return [...rows.values()].filter(({ key }) => isLedgerKey(key));
}

function pick<T>(list: T[], which: number, keep: boolean): T | undefined {
  const index = which % Math.max(1, list.length);
  return keep ? list[index] : list.splice(index, 1)[0];
}

function least(a: NanoCu, b: NanoCu): NanoCu {
  return a < b ? a : b;
}
