import type { ChaosReport } from './run.ts';
import type { Tally } from './traffic.ts';

/** What clients saw, for people. */
export function tallyLines({ inFaults, calm }: ChaosReport): string[] {
  return [`while faults last: ${textOf(inFaults)}`, `after them: ${textOf(calm)}`];
}

/** One tally in one line. */
export function textOf(tally: Tally): string {
  const { served, refused, cutShort, refusedWhileAffordable, cutShortWhileAffordable } = tally;
  const reasons = [...refused].map(([reason, times]) => `${reason} ${times}`).join(', ');
  return [
    `${served} served`,
    `not served: ${reasons || 'none'}`,
    `refused while affordable ${refusedWhileAffordable}`,
    `cut short ${cutShort}, while affordable ${cutShortWhileAffordable}`,
  ].join('; ');
}
