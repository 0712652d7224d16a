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
  const known = world.roundOf(pod.budget.ref, round.number);
  // One that asks nobody begins and ends at once: what others had idle at that moment is not known here.
  if (!known) return;
  const left = answer.ledger.grantable;
  const most = left + idleOfUnasked(world, pod, known);
  // Where enough has come back since the round ended, the sidecar asks again by these very figures.
  const holds = left >= ask.need || most < ask.need;
  hold(
    'no refusal while there is enough',
    holds,
    () => `${pod.key}: ${ask.need} wanted, ${most} could be had`,
  );
}

function idleOfUnasked(world: World, pod: Pod, { asked, idle: then }: KnownRound): bigint {
  let sum = 0n;
  for (const other of world.present) {
    if (other === pod || asked.has(other.key)) continue;
    const [before, now] = [then.get(other.key) ?? 0n, idleOf(other, world.nowMs)];
    sum += now < before ? now : before;
  }
  return sum;
}
