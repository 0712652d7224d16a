import { expect, test } from 'vitest';
import { extendPeriod } from './ledger.ts';
import { cu, holding, period, processB } from './ledger-scene.ts';
import type { Scene } from './ledger-scene.ts';

const secondsLeft = 40;

function nearTheEnd(): Scene {
  const scene = holding();
  scene.nowMs = period.endMs - secondsLeft * 1000;
  return scene;
}

test.each<{ message: string; send: (scene: Scene) => unknown }>([
  { message: 'a report', send: (scene) => scene.report(2) },
  { message: 'a grant', send: (scene) => scene.report(2, { ask: 1 }) },
  { message: 'an open', send: (scene) => scene.open(processB, { incarnation: 1, seq: 1 }) },
])('a lease that is renewed by $message ends with the period', ({ send }) => {
  expect(send(nearTheEnd())).toMatchObject({ remainingSeconds: secondsLeft });
});

test('after the period nothing is spent any more, and what is reported is booked and returned', () => {
  const scene = nearTheEnd();
  scene.report(2, { ask: 1 });
  scene.nowMs = period.endMs + 1000;
  expect(scene.open(processB, { incarnation: 1, seq: 2, spent: 1 })).toMatchObject({
    resumed: true,
    remainingSeconds: 0,
  });
  const answer = scene.report(3, { incarnation: 2, spent: 2, returned: 5, ask: 1 });
  expect(answer).toMatchObject({ kind: 'reported', remainingSeconds: 0, row: { granted: cu(7) } });
  expect(scene.sums).toEqual([2, 0, 0, 8].map(cu));
});

test('a holder that reports after the period is not silent: what it has reserved is not held', () => {
  const scene = nearTheEnd();
  scene.report(2, { ask: 1 });
  for (let seq = 3; seq < 6; seq += 1) {
    scene.nowMs += 200_000;
    scene.report(seq);
  }
  expect(scene.sums).toEqual([0, 7, 0, 3].map(cu));
  scene.expire();
  expect(scene.sums).toEqual([0, 0, 7, 3].map(cu));
});

test('a period that is to end later lets its leases live on', () => {
  const scene = nearTheEnd();
  extendPeriod(scene.ledger, period.endMs + 86_400_000);
  scene.nowMs = period.endMs;
  expect(scene.report(2, { ask: 1 })).toMatchObject({ remainingSeconds: 300 });
});
