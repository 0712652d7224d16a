import { describe, expect, test } from 'vitest';
import { nanoPerCu } from '../../accounting/amount.ts';
import type { ModelConfiguration, RateTier } from '../../accounting/configuration-messages.ts';
import type { LedgerSnapshot } from '../ledger/ledger-snapshot.ts';
import type { Condition } from '../kube/conditions.ts';
import { budgetConditions } from './conditions.ts';
import type { StepResults } from './run-steps.ts';
import { budgetStatus } from './status.ts';
import { conditionsOf, stepConditions } from './step.ts';
import type { StepCondition, StepOutcome } from './step.ts';
import { transitionEvents } from './transitions.ts';

const period = {
  name: '2026-11',
  startMs: Date.parse('2026-11-01T00:00:00Z'),
  endMs: Date.parse('2026-12-01T00:00:00Z'),
};
const observed = { now: new Date('2026-11-10T12:00:00Z'), generation: 3 };

function nano(cu = 0): bigint {
  return BigInt(cu * 1000) * (nanoPerCu / 1000n);
}

/** Amounts in CU. */
function ledger(
  limit: number,
  used: Partial<Record<'settled' | 'outstanding' | 'held' | 'overrun', number>> = {},
): LedgerSnapshot {
  const cap = nano(limit);
  const settled = nano(used.settled);
  const outstanding = nano(used.outstanding);
  const held = nano(used.held);
  const available = cap - settled - outstanding - held;
  const budget = { namespace: 'team', name: 'main' };
  const enforcement = 'Enforce' as const;
  const turnover = { granted: settled + outstanding + held, returned: 0n };
  const left = { available, overrun: nano(used.overrun) };
  const figures = { cap, enforcement, settled, outstanding, held, ...turnover, ...left };
  return { uid: 'u', name: 'team.main.2026-11', budget, period, ...figures, seq: 5, holders: 1 };
}

function results(changes: Partial<Record<StepCondition, StepOutcome | StepCondition>> = {}): StepResults {
  const outcomes = new Map<StepCondition, StepOutcome>();
  const blocked = new Map<StepCondition, StepCondition>();
  for (const type of stepConditions) {
    const change = changes[type] ?? { state: 'done', message: 'Well.' };
    if (typeof change === 'string') blocked.set(type, change);
    else outcomes.set(type, change);
  }
  return { outcomes, blocked };
}

function short(conditions: readonly Condition[]): Record<string, string> {
  return Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
}

function observe(of: LedgerSnapshot, changes: Parameters<typeof results>[0] = {}): Condition[] {
  return budgetConditions([], { results: results(changes), ledger: of }, observed);
}

function overcommitment(of: LedgerSnapshot): string | undefined {
  return observe(of).find(({ type }) => type === 'Overcommitted')?.message;
}

function eventsBetween(before: readonly Condition[], after: readonly Condition[]): string[] {
  return transitionEvents(before, after).map(({ type, reason }) => `${type} ${reason}`);
}

function model(name: string, rates?: RateTier[]): ModelConfiguration {
  const identity = { model: name, version: '1', executableId: 'x', isLatest: true };
  return rates === undefined ? identity : { ...identity, rates };
}

describe('conditions', () => {
  test('all well: Ready, neither exhausted nor overcommitted', () => {
    const conditions = budgetConditions([], { results: results(), ledger: ledger(100) }, observed);
    expect(short(conditions)).toEqual({
      Ready: 'True Ready',
      AiCoreReachable: 'True AiCoreReachable',
      CredentialsValid: 'True CredentialsValid',
      Enforcing: 'True Enforcing',
      Exhausted: 'False CapacityLeft',
      GenAiHubAvailable: 'True GenAiHubAvailable',
      Overcommitted: 'False WithinCap',
      RateCardCurrent: 'True RateCardCurrent',
    });
  });

  test('Ready says what comes first, and what was not reached is Unknown and says what it waits for', () => {
    const stalled = { state: 'stalled', reason: 'SecretNotFound', message: 'No Secret.' } as const;
    const found = results({
      CredentialsValid: stalled,
      AiCoreReachable: 'CredentialsValid',
      GenAiHubAvailable: 'CredentialsValid',
      RateCardCurrent: 'CredentialsValid',
    });
    const conditions = budgetConditions([], { results: found, ledger: ledger(100) }, observed);
    expect(short(conditions)).toMatchObject({
      Ready: 'False SecretNotFound',
      AiCoreReachable: 'Unknown NotObserved',
      Enforcing: 'True Enforcing',
    });
    expect(conditions[0]?.message).toBe('CredentialsValid: No Secret.');
    expect(conditions.find(({ type }) => type === 'AiCoreReachable')?.message).toBe(
      'Waits for CredentialsValid.',
    );
  });

  test.each([
    { reason: 'ModelsWithoutRate', ready: 'True Ready' },
    { reason: 'RateCardNotFound', ready: 'False RateCardNotFound' },
  ])('a rate card with $reason leaves Ready $ready', ({ reason, ready }) => {
    const degraded = { state: 'degraded', reason, message: 'Some.', afterMs: 1 } as const;
    const conditions = budgetConditions(
      [],
      { results: results({ RateCardCurrent: degraded }), ledger: ledger(1) },
      observed,
    );
    expect(short(conditions)).toMatchObject({ Ready: ready, RateCardCurrent: `False ${reason}` });
  });

  test('a budget whose parent has nothing left is exhausted, and says whose capacity is missing', () => {
    const types = conditionsOf({ parentRef: { name: 'all', namespace: 'platform' } });
    const seen = { results: results(), ledger: { ...ledger(100), parentLeft: 0n }, types };
    expect(short(budgetConditions([], seen, observed))).toEqual({
      Ready: 'True Ready',
      Enforcing: 'True Enforcing',
      Exhausted: 'True ParentExhausted',
      Overcommitted: 'False WithinCap',
      ParentReady: 'True ParentReady',
    });
    const some = { ...seen, ledger: { ...ledger(100), parentLeft: 1n } };
    expect(short(budgetConditions([], some, observed))).toMatchObject({ Exhausted: 'False CapacityLeft' });
  });

  test('guarantees that the cap does not cover are told as Overcommitted', () => {
    const seen = { results: results(), ledger: ledger(100), coversPromises: false };
    expect(short(budgetConditions([], seen, observed))).toMatchObject({
      Ready: 'True Ready',
      Overcommitted: 'True GuaranteeNotCovered',
    });
  });

  test('a pod without sidecar is told in Enforcing, and leaves the budget ready', () => {
    const coverage = { selected: 2, enforced: 1, missing: ['bare'] };
    const seen = { results: results(), ledger: ledger(100), coverage };
    expect(short(budgetConditions([], seen, observed))).toMatchObject({
      Ready: 'True Ready',
      Enforcing: 'False SidecarMissing',
    });
  });

  test.each([
    {
      name: 'a rest',
      of: ledger(100, { settled: 99.999 }),
      exhausted: 'False CapacityLeft',
      over: 'False WithinCap',
    },
    {
      name: 'nothing left',
      of: ledger(100, { settled: 50, outstanding: 40, held: 10 }),
      exhausted: 'True BudgetExhausted',
      over: 'False WithinCap',
    },
    { name: 'a limit of 0', of: ledger(0), exhausted: 'True BudgetExhausted', over: 'False WithinCap' },
    {
      name: 'a lowered limit',
      of: ledger(100, { outstanding: 101 }),
      exhausted: 'True BudgetExhausted',
      over: 'True Overcommitted',
    },
  ])('with $name Exhausted is $exhausted and Overcommitted $over', ({ of, exhausted, over }) => {
    const conditions = budgetConditions([], { results: results(), ledger: of }, observed);
    expect(short(conditions)).toMatchObject({
      Ready: 'True Ready',
      Exhausted: exhausted,
      Overcommitted: over,
    });
  });

  test('Overcommitted says whether the limit was lowered or requests overran', () => {
    expect(overcommitment(ledger(10, { settled: 11 }))).toContain('the limit was lowered');
    expect(overcommitment(ledger(10, { settled: 11, overrun: 1 }))).toContain(
      'requests cost more than their bounds',
    );
  });

  test('figures that move do not move the time of transition; a change does', () => {
    const first = budgetConditions([], { results: results(), ledger: ledger(100) }, observed);
    const later = { now: new Date('2026-11-10T13:00:00Z'), generation: 4 };
    const second = budgetConditions(
      first,
      { results: results(), ledger: ledger(100, { settled: 70 }) },
      later,
    );
    expect(second).toEqual(first.map((condition) => ({ ...condition, observedGeneration: 4 })));
    const third = budgetConditions(
      second,
      { results: results(), ledger: ledger(100, { settled: 100 }) },
      later,
    );
    expect(third.find(({ type }) => type === 'Exhausted')?.lastTransitionTime).toBe('2026-11-10T13:00:00Z');
  });
});

describe('status', () => {
  const parts = { generation: 3, conditions: [], models: undefined, allowedModels: [] };

  test('the figures are those of the ledger', () => {
    const status = budgetStatus({
      ...parts,
      previous: {},
      ledger: ledger(100, { settled: 12.5, outstanding: 30, held: 1, overrun: 0.5 }),
    });
    expect(status).toEqual({
      observedGeneration: 3,
      period: { name: '2026-11', start: '2026-11-01T00:00:00Z', end: '2026-12-01T00:00:00Z' },
      limit: '100',
      spent: '12.5',
      reserved: '30',
      held: '1',
      remaining: '56.5',
      overrun: '0.5',
      used: '12%',
      ledgerName: 'team.main.2026-11',
      ledgerSeq: 5,
      conditions: [],
    });
  });

  test.each([
    { of: ledger(100, { settled: 99.999 }), used: '99%' },
    { of: ledger(100, { settled: 150 }), used: '150%' },
    { of: ledger(0), used: '100%' },
  ])('$used is used', ({ of, used }) => {
    expect(budgetStatus({ ...parts, previous: {}, ledger: of }).used).toBe(used);
  });

  test('what could not be read this time stays', () => {
    const previous = budgetStatus({ ...parts, previous: {}, ledger: ledger(100) });
    const models = { available: 3, priced: 2 };
    expect(
      budgetStatus({ ...parts, generation: 4, previous: { ...previous, models }, ledger: undefined }),
    ).toEqual({ ...previous, observedGeneration: 4, models });
  });

  test('pods are those that were counted last', () => {
    const coverage = { selected: 15, enforced: 14, missing: ['bare'] };
    const counted = budgetStatus({ ...parts, previous: {}, ledger: undefined, coverage });
    expect(counted.pods).toEqual({ selected: 15, enforced: 14, coverage: '14/15' });
    expect(budgetStatus({ ...parts, previous: counted, ledger: ledger(1) }).pods).toEqual(counted.pods);
  });

  test('only models that the budget allows are counted', () => {
    const models = [model('gpt-5', [{ input: '1', output: '1' }]), model('gpt-4'), model('other')];
    expect(
      budgetStatus({ ...parts, previous: {}, ledger: undefined, models, allowedModels: ['gpt-*'] }).models,
    ).toEqual({ available: 2, priced: 1 });
  });
});

describe('events', () => {
  const well = observe(ledger(100));
  const exhausted = observe(ledger(100, { settled: 100 }));
  const failing = observe(ledger(100), {
    CredentialsValid: { state: 'stalled', reason: 'SecretNotFound', message: '' },
  });

  const bare = budgetConditions(
    [],
    {
      results: results(),
      ledger: ledger(100),
      coverage: { selected: 1, enforced: 0, missing: ['bare'] },
    },
    observed,
  );
  const lost = observe(ledger(100), {
    Enforcing: { state: 'waiting', reason: 'LedgerLost', message: '', afterMs: 1 },
  });

  test.each([
    { name: 'a new budget that is well', before: [], after: well, want: ['Normal Ready'] },
    { name: 'no change', before: well, after: well, want: [] },
    { name: 'exhaustion', before: well, after: exhausted, want: ['Warning BudgetExhausted'] },
    { name: 'capacity again', before: exhausted, after: well, want: ['Normal CapacityLeft'] },
    { name: 'a failure', before: well, after: failing, want: ['Warning SecretNotFound'] },
    { name: 'a pod without sidecar', before: well, after: bare, want: ['Warning SidecarMissing'] },
    { name: 'a sidecar for it', before: bare, after: well, want: ['Normal Enforcing'] },
    { name: 'a lost ledger, told once', before: well, after: lost, want: ['Warning LedgerLost'] },
    { name: 'recovery', before: failing, after: well, want: ['Normal Ready'] },
  ])('$name', ({ before, after, want }) => {
    expect(eventsBetween(before, after)).toEqual(want);
  });
});
