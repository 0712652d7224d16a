import type { Ask, LeaseAnswer } from '../../accounting/messages.ts';
import type { Pod } from './pod.ts';
import { idleOf } from './pod.ts';
import { hold } from './violation.ts';
import type { KnownRound, World } from './world.ts';

/**
 * An ask that waited and was not granted: what there is, and what those had idle who were not asked, is less than it
 * needs. Who was asked has given back, or was silent.
 */
export function checkRound(
  world: World,
  { pod, ask }: { pod: Pod; ask: Ask },
  answer: Exclude<LeaseAnswer, { kind: 'refused' }>,
): void {
  const round = answer.kind === 'reported' ? answer.round : undefined;
  if (!round) return;
  const known = world.rounds.get(round.number);
  const left = answer.ledger.grantable;
  const most = left + (known ? idleOfUnasked(world, pod, known) : 0n);
  const { need } = ask;
  // Where enough has come back since the round ended, the sidecar asks again by these very figures.
  const holds = left >= need || most < need;
  hold('no refusal while there is enough', holds, () => `${pod.key}: ${need} wanted, ${most} could be had`);
}

function idleOfUnasked(world: World, pod: Pod, { asked, idle: then }: KnownRound): bigint {
  let sum = 0n;
  for (const other of world.present) {
    if (other === pod || asked.has(other.key) || waitsItself(other)) continue;
    const [before, now] = [then.get(other.key) ?? 0n, idleOf(other, world.nowMs)];
    sum += now < before ? now : before;
  }
  return sum;
}

/** It has given back what it had when it asked. */
function waitsItself({ process }: Pod): boolean {
  const holder = process?.current === undefined ? undefined : process.holders.get(process.current);
  const pending = holder?.pending;
  return pending?.kind === 'report' && pending.ask?.least !== undefined;
}
