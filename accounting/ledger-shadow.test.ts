import { expect, test } from 'vitest';
import { type Scene, cu, holding } from './ledger-scene.ts';
import { decodeLedger, encodeLedger } from './ledger-text.ts';
import { available, isOvercommitted, setEnforcement } from './ledger.ts';
import { nextSteps } from './recall-steps.ts';
import { newRecall } from './recall.ts';

/** Who is asked to give back without anybody waiting for it. */
function asked({ ledger, nowMs }: Scene): readonly string[] {
  return nextSteps(newRecall(), ledger, nowMs).notify;
}

test('in Shadow what is asked for is granted beyond the cap, and the figures say so', () => {
  const scene = holding();
  setEnforcement(scene.ledger, 'Shadow');
  expect(scene.report(2, { ask: 20, spent: 6 })).toMatchObject({
    row: { granted: cu(26) },
    ledger: { cap: cu(10), settled: cu(6), outstanding: cu(20), enforced: false },
  });
  expect(available(scene.ledger)).toBe(-cu(16));
  expect([isOvercommitted(scene.ledger), asked(scene)]).toEqual([false, []]);
  expect(decodeLedger(encodeLedger(scene.ledger))).toEqual(scene.ledger);
});

test('once the cap is enforced nothing is granted before what was granted in Shadow is back', () => {
  const scene = holding();
  setEnforcement(scene.ledger, 'Shadow');
  scene.report(2, { ask: 20, spent: 6 });
  setEnforcement(scene.ledger, 'Enforce');
  expect([isOvercommitted(scene.ledger), asked(scene)]).toEqual([true, ['pod:a']]);
  expect(scene.report(3, { ask: 1, spent: 6 })).toMatchObject({
    row: { granted: cu(26) },
    ledger: { grantable: 0n, enforced: true },
  });
  expect(scene.report(4, { ask: 1, spent: 6, returned: 20 })).toMatchObject({
    row: { granted: cu(27) },
    ledger: { outstanding: cu(1), grantable: cu(3) },
  });
});
