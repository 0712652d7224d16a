import { expect, test } from 'vitest';
import { runSteps, soonestMs } from './run-steps.ts';
import type { BudgetContext, Step, StepCondition, StepOutcome } from './step.ts';

const done: StepOutcome = { state: 'done', message: 'done' };
const degraded: StepOutcome = { state: 'degraded', reason: 'Degraded', message: '', afterMs: 500 };
const waiting: StepOutcome = { state: 'waiting', reason: 'Waiting', message: '', afterMs: 900 };
const stalled: StepOutcome = { state: 'stalled', reason: 'Stalled', message: '' };

async function run(...chains: [StepCondition, StepOutcome][][]) {
  const ran: StepCondition[] = [];
  const steps = chains.map((chain) =>
    chain.map(([condition, outcome]): Step => ({
      condition,
      run: () => {
        ran.push(condition);
        return Promise.resolve(outcome);
      },
    })),
  );
  // Steps of this test look at nothing of it.
  const context: BudgetContext = Object.create(null);
  return { ran, ...(await runSteps(steps, context)) };
}

test.each([{ blocking: waiting }, { blocking: stalled }])(
  'what comes after a step that is $blocking.state waits for it',
  async ({ blocking }) => {
    const { ran, outcomes, blocked } = await run([
      ['CredentialsValid', blocking],
      ['CredentialsValid', done],
      ['AiCoreReachable', done],
    ]);
    expect(ran).toEqual(['CredentialsValid']);
    expect(outcomes.get('CredentialsValid')).toBe(blocking);
    expect([...blocked]).toEqual([['AiCoreReachable', 'CredentialsValid']]);
  },
);

test('a step that is degraded is gone on after, and its condition stays bad', async () => {
  const { ran, outcomes } = await run([
    ['CredentialsValid', degraded],
    ['CredentialsValid', done],
    ['AiCoreReachable', done],
  ]);
  expect(ran).toHaveLength(3);
  expect(outcomes.get('CredentialsValid')).toBe(degraded);
});

test('another chain goes its own way', async () => {
  const { outcomes } = await run([['CredentialsValid', stalled]], [['Enforcing', done]]);
  expect(outcomes.get('Enforcing')).toBe(done);
});

test.each([
  { outcomes: [done, stalled], want: undefined },
  { outcomes: [done, waiting, degraded], want: 500 },
  { outcomes: [{ ...done, againAfterMs: 70 }, waiting], want: 70 },
])('the soonest of what the outcomes want is $want', ({ outcomes, want }) => {
  expect(soonestMs(outcomes)).toBe(want);
});
