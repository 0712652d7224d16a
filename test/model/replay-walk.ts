import { inspect } from 'node:util';
import type { Lease } from '../../accounting/lease.ts';
import type { LedgerRow } from '../../accounting/ledger.ts';
import { Replay, processId } from './replay.ts';
import { walkStates } from './tla-text.ts';
import { walkState } from './walk-state.ts';
import type { ModelLease, ModelRow, WalkState } from './walk-state.ts';

/** Figures under the names of the model; what is compared must be equal. */
type Figures = Record<string, string | number | boolean>;

/**
 * Does a walk through the model, as TLC wrote it, with the real code, and compares all figures after every step. Says
 * how many steps that were, and the first difference if there is one.
 */
export function replayWalk(text: string): { steps: number; difference: string | undefined } {
  const states = walkStates(text).map((state) => walkState.parse(state));
  const [first] = states;
  if (first === undefined) throw new Error('the walk has no states');
  const replay = new Replay(first);
  for (const [index, state] of states.entries()) {
    const difference = stepDifference(replay, state);
    if (difference !== undefined)
      return { steps: index, difference: `step ${index}, ${inspect(state.step)}: ${difference}` };
  }
  return { steps: states.length - 1, difference: undefined };
}

function stepDifference(replay: Replay, state: WalkState): string | undefined {
  try {
    replay.do(state.step);
  } catch (error) {
    return `the code will not do it: ${String(error)}`;
  }
  const pairs = [ledgerPair(replay, state), ...rowPairs(replay, state), ...processPairs(replay, state)];
  for (const { what, model, code } of pairs) {
    const name = Object.keys({ ...model, ...code }).find((each) => model[each] !== code[each]);
    if (name !== undefined)
      return `${what}: ${name} is ${model[name]} in the model and ${code[name]} in the code`;
  }
  return undefined;
}

interface Pair {
  what: string;
  model: Figures;
  code: Figures;
}

function ledgerPair({ ledger }: Replay, { cap, rows }: WalkState): Pair {
  const parts = Object.values(rows).map(totalsOf);
  const sum = (name: 'settled' | 'outstanding' | 'held'): number =>
    parts.reduce((total, part) => total + part[name], 0);
  const { settled, outstanding, held } = ledger.totals;
  return {
    what: 'ledger',
    model: { cap, settled: sum('settled'), outstanding: sum('outstanding'), held: sum('held') },
    code: {
      cap: Number(ledger.cap),
      settled: Number(settled),
      outstanding: Number(outstanding),
      held: Number(held),
    },
  };
}

/** As Ledger.tla has it. */
function totalsOf(row: ModelRow): { settled: number; outstanding: number; held: number } {
  const explained = row.spent - row.overrun + row.unknown + row.lost + row.returned + row.released;
  const unused = Math.max(0, row.granted - explained);
  const isOpen = row.state === 'open';
  return {
    settled: row.spent,
    outstanding: isOpen ? unused : 0,
    held: row.unknown + row.lost + (isOpen ? 0 : unused),
  };
}

function rowPairs({ ledger }: Replay, { rows }: WalkState): Pair[] {
  return Object.entries(rows).map(([h, { pid, ...row }]) => {
    const found = ledger.rows.get(h);
    const model = row.state === 'none' ? { state: 'none' } : { ...row, processId: processId(h, pid) };
    return {
      what: `row of ${h}`,
      model,
      code: found === undefined ? { state: 'none' } : figuresOfRow(found),
    };
  });
}

function figuresOfRow(row: Readonly<LedgerRow>): Figures {
  return {
    state: row.state,
    processId: row.processId,
    inc: row.incarnation,
    wholeSince: row.wholeSince,
    seq: row.seq,
    granted: Number(row.granted),
    spent: Number(row.spent),
    overrun: Number(row.overrun),
    unknown: Number(row.unknown),
    lost: Number(row.lost),
    returned: Number(row.returned),
    released: Number(row.released),
    token: row.tokenExpires > 0,
  };
}

function processPairs(replay: Replay, { procs }: WalkState): Pair[] {
  return Object.entries(procs).flatMap(([h, processes]) =>
    processes.map((process, index): Pair => {
      const found = replay.processesOf(h)[index];
      const what = `process ${index + 1} of ${h}`;
      if (!process.up || !found?.up)
        return { what, model: { up: process.up }, code: { up: found?.up ?? false } };
      const model = { opened: process.opened, ...figuresOfModelLease(process.lease) };
      return { what, model, code: { opened: found.opened, ...figuresOfLease(found.lease) } };
    }),
  );
}

function figuresOfModelLease({ unsent, sent, unk, ...lease }: ModelLease): Figures {
  return { ...lease, reserved: unsent + sent[0] + sent[1] + sent[2], unknown: unk[0] + unk[1] + unk[2] };
}

function figuresOfLease(lease: Lease): Figures {
  return {
    inc: lease.incarnation,
    seq: lease.seq,
    granted: Number(lease.granted),
    lost: Number(lease.lost),
    released: Number(lease.released),
    spent: Number(lease.spent),
    overrun: Number(lease.overrun),
    returned: Number(lease.returned),
    reserved: Number(lease.reserved),
    unknown: Number(lease.unknown),
    waiting: lease.inFlight !== undefined,
  };
}
