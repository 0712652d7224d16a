import type { Verdict } from '../world/comparison.ts';
import { decimalText, exact, sum } from '../world/exact.ts';
import { readBilled, readLedger, type StoredLedger } from '../world/figures.ts';
import { heldReasons } from '../world/ledger-lines.ts';
import { budget, known, type Scene } from './scene.ts';

/** What has to hold at every moment, whatever is broken; SAP's books are read first, the ledger after them. */
export async function judgeNow({ world }: Pick<Scene, 'world'>, when: string): Promise<Verdict[]> {
  const billed = exact(await readBilled(world.emulator));
  const ledger = await readLedger(world, budget);
  return [
    atMost(`${when}: billed ≤ settled + held + outstanding`, billed, known(ledger)),
    atMost(`${when}: settled + held + outstanding ≤ cap + overrun`, known(ledger), capWithOverrun(ledger)),
    explained(`${when}: every held amount has owner, reason, age and way back`, ledger),
  ];
}

/** What has to hold once every pod has ended in order. */
export async function judgeEnd(scene: Scene): Promise<Verdict[]> {
  const { world } = scene;
  const billed = exact(await readBilled(world.emulator));
  const ledger = await readLedger(world, budget);
  const gone = exact(ledger.settled) + exact(ledger.held);
  return [
    atMost('in the end: billed ≤ settled + held', billed, gone),
    atMost('in the end: billed ≤ cap + overrun', billed, capWithOverrun(ledger)),
    {
      rule: 'in the end: nothing is out any more',
      found: ledger.outstanding,
      holds: exact(ledger.outstanding) === 0n,
    },
    explained('in the end: every held amount has owner, reason, age and way back', ledger),
  ];
}

/** The ledger's overrun is what broken bounds cost beyond their reservations, to the nano-CU. */
export function judgeOverrun(ledger: StoredLedger, excess: bigint): Verdict {
  return {
    rule: 'overrun = what requests cost beyond their bounds',
    found: `${ledger.overrun} / ${decimalText(excess)} CU`,
    holds: exact(ledger.overrun) === excess && excess > 0n,
  };
}

function capWithOverrun({ cap, overrun }: StoredLedger): bigint {
  return exact(cap) + exact(overrun);
}

/** A verdict on two amounts (exact CU). */
function atMost(rule: string, found: bigint, most: bigint): Verdict {
  return { rule, found: `${decimalText(found)} / ${decimalText(most)} CU`, holds: found <= most };
}

function explained(rule: string, ledger: StoredLedger): Verdict {
  const lines = heldReasons(ledger);
  const total = sum(lines.map(({ amount }) => exact(amount)));
  const whole = lines.every(
    ({ key, reason, since, wayBack }) => key !== '' && reason !== '' && since !== '' && wayBack !== '',
  );
  const byReason = new Map<string, number>();
  for (const { reason, count } of lines) byReason.set(reason, (byReason.get(reason) ?? 0) + count);
  const found = [...byReason].map(([reason, count]) => `${reason} ${count}`).join(', ');
  return { rule, found: found || 'nothing held', holds: whole && total === exact(ledger.held) };
}
