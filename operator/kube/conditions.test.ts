import { describe, expect, test } from 'vitest';
import { deriveReady, setCondition, trimMessage, withInitialConditions } from './conditions.ts';
import type { Condition, Observation } from './conditions.ts';

const before: Condition = {
  type: 'CredentialsValid',
  status: 'False',
  reason: 'SecretNotFound',
  message: 'Secret "aicore-key" does not exist.',
  lastTransitionTime: '2026-11-01T00:00:00Z',
  observedGeneration: 1,
};
const observed = { now: new Date('2026-11-02T03:04:05.678Z'), generation: 2 };

describe('setCondition', () => {
  test.each<{ name: string; change: Partial<Observation>; moves: boolean }>([
    { name: 'the same observation leaves the transition time', change: {}, moves: false },
    { name: 'another status moves it', change: { status: 'True' }, moves: true },
    { name: 'another reason moves it', change: { reason: 'SecretMalformed' }, moves: true },
    { name: 'another message moves it', change: { message: 'Something else.' }, moves: true },
  ])('$name', ({ change, moves }) => {
    const { type, status, reason, message } = before;
    const after = setCondition([before], { type, status, reason, message, ...change }, observed);
    expect(after).toEqual([
      {
        ...before,
        ...change,
        lastTransitionTime: moves ? '2026-11-02T03:04:05Z' : before.lastTransitionTime,
        observedGeneration: 2,
      },
    ]);
  });

  test('Ready comes first and the others by name, and nothing is changed in place', () => {
    const given = Object.freeze([before]);
    const types = ['UsageSynced', 'Ready', 'Enforcing'];
    const after = types.reduce<readonly Condition[]>(
      (list, type) => setCondition(list, { type, status: 'True', reason: 'Fine', message: '' }, observed),
      given,
    );
    expect(after.map(({ type }) => type)).toEqual(['Ready', 'CredentialsValid', 'Enforcing', 'UsageSynced']);
  });

  test.each(['', 'two words', '1st', 'Trailing:', 'a'.repeat(300)])(
    '"%s" is refused as a reason',
    (reason) => {
      expect(() => setCondition([], { ...before, reason }, observed)).toThrow(TypeError);
    },
  );
});

test('types that were never observed start as Unknown, and known ones stay as they are', () => {
  const after = withInitialConditions([before], ['CredentialsValid', 'Enforcing'], observed);
  expect(after).toEqual([
    before,
    {
      type: 'Enforcing',
      status: 'Unknown',
      reason: 'NotObserved',
      message: 'Not observed yet.',
      lastTransitionTime: '2026-11-02T03:04:05Z',
      observedGeneration: 2,
    },
  ]);
});

describe('deriveReady', () => {
  const good = { ...before, status: 'True', reason: 'Valid', message: 'Fine.' } as const;
  const enforcing = { ...good, type: 'Enforcing' };
  const unknown = { ...enforcing, status: 'Unknown', reason: 'NotObserved', message: 'Not yet.' } as const;
  const options = { dependsOn: ['CredentialsValid', 'Enforcing'], readyMessage: 'Spending is enforced.' };

  test.each<{ name: string; given: Condition[]; want: Omit<Observation, 'type'> }>([
    {
      name: 'is True when all are',
      given: [good, enforcing],
      want: { status: 'True', reason: 'Ready', message: 'Spending is enforced.' },
    },
    {
      name: 'gives the reason of the one that is False, even where another is Unknown',
      given: [before, unknown],
      want: {
        status: 'False',
        reason: 'SecretNotFound',
        message: 'CredentialsValid: Secret "aicore-key" does not exist.',
      },
    },
    {
      name: 'gives the more important of two that are False',
      given: [{ ...enforcing, status: 'False', reason: 'NoPods', message: 'x' }, before],
      want: {
        status: 'False',
        reason: 'SecretNotFound',
        message: 'CredentialsValid: Secret "aicore-key" does not exist.',
      },
    },
    {
      name: 'is Unknown while one is',
      given: [good, unknown],
      want: { status: 'Unknown', reason: 'NotObserved', message: 'Enforcing: Not yet.' },
    },
    {
      name: 'is Unknown while one is missing',
      given: [good],
      want: { status: 'Unknown', reason: 'NotObserved', message: 'Enforcing: Not observed yet.' },
    },
    {
      name: 'does not look at conditions it does not depend on',
      given: [good, enforcing, { ...before, type: 'Exhausted' }],
      want: { status: 'True', reason: 'Ready', message: 'Spending is enforced.' },
    },
  ])('$name', ({ given, want }) => {
    expect(deriveReady(given, options)).toEqual({ type: 'Ready', ...want });
  });
});

test.each([
  { name: 'line breaks become spaces', given: 'a\n  b\r\n\tc ', want: 'a b c' },
  { name: 'control characters go', given: 'a\u0000\u001bb', want: 'a b' },
  { name: 'a message at the limit stays', given: 'x'.repeat(1024), want: 'x'.repeat(1024) },
  { name: 'a longer one is cut and says so', given: 'x'.repeat(1025), want: `${'x'.repeat(1023)}…` },
])('$name', ({ given, want }) => {
  expect(trimMessage(given)).toBe(want);
});
