import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Configurations } from '../configuration/configurations.ts';
import { TestClock } from '../testing/test-clock.ts';
import { firstLook } from './first-look.ts';

const names = ['a', 'b'];
const budgets = {
  list: () =>
    names.map((name) => ({
      apiVersion: 'sapai.eerly.ai/v1alpha1',
      kind: 'SapAiBudget',
      metadata: { namespace: 'team-a', name },
    })),
};

function scene() {
  const clock = new TestClock();
  const configurations = new Configurations({ clock });
  const say = (budget: string, reason: string): void =>
    configurations.publish({ state: 'unavailable', namespace: 'team-a', budget, reason, message: '' });
  const seen = { done: false };
  const { signal } = new AbortController();
  void firstLook({ budgets, configurations, clock, signal }).then(() => (seen.done = true));
  const pass = async (ms: number): Promise<boolean> => {
    clock.pass(ms);
    await turn();
    return seen.done;
  };
  return { say, pass };
}

test('every budget has been looked at before it is over, whatever was found', async () => {
  const { say, pass } = scene();
  say('a', 'NotObserved');
  say('b', 'SecretNotFound');
  expect(await pass(1_000)).toBe(false);
  say('a', 'AiCoreUnavailable');
  expect(await pass(50)).toBe(true);
});

test('it is over after a while all the same: SAP may be away', async () => {
  const { say, pass } = scene();
  say('a', 'NotObserved');
  for (let seconds = 0; seconds < 9; seconds += 1) await pass(1_000);
  expect(await pass(900)).toBe(false);
  expect(await pass(200)).toBe(true);
});
