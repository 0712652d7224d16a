import { describe, expect, test } from 'vitest';
import { TestClock } from '../testing/test-clock.ts';
import { countPods } from './count-pods.ts';
import type { CountedPod, Coverage } from './count-pods.ts';
import { CoverageBoard } from './coverage-board.ts';
import { withCoverage } from './enforcing.ts';
import { PodSightings } from './pod-sightings.ts';

const label = 'sapai.eerly.ai/budget';
const annotation = 'sapai.eerly.ai/budgets';

function pod(name: string, more: Partial<CountedPod> = {}): CountedPod {
  return { namespace: 'team-a', name, uid: `uid-${name}`, labels: {}, annotations: {}, ...more };
}

function counted(pods: CountedPod[], reporting: string[] = []): Record<string, unknown> {
  const counts = countPods(pods, {
    namespaceLabels: (namespace): Record<string, string> =>
      namespace === 'labelled' ? { [label]: 'all' } : {},
    isEnforced: (uid) => reporting.includes(uid),
  });
  return Object.fromEntries(counts);
}

describe('pods are counted', () => {
  test('for the budget that their label names, and are enforced once their sidecar reports', () => {
    const pods = [pod('a', { labels: { [label]: 'chat' } }), pod('b', { labels: { [label]: 'chat' } })];
    expect(counted(pods, ['uid-a'])).toEqual({
      'team-a/chat': { selected: 2, enforced: 1, missing: ['b'] },
    });
  });

  test("for their namespace's budget where they name none", () => {
    const own = pod('own', { namespace: 'labelled', labels: { [label]: 'chat' } });
    expect(counted([own, pod('plain', { namespace: 'labelled' })], ['uid-own'])).toEqual({
      'labelled/chat': { selected: 1, enforced: 1, missing: [] },
      'labelled/all': { selected: 1, enforced: 0, missing: ['plain'] },
    });
  });

  test('for each of several budgets', () => {
    const both = pod('both', { labels: { [label]: 'a' }, annotations: { [annotation]: 'b, c' } });
    expect(Object.keys(counted([both]))).toEqual(['team-a/b', 'team-a/c']);
  });

  test('and of those that are missing three are named', () => {
    const pods = ['a', 'b', 'c', 'd'].map((name) => pod(name, { labels: { [label]: 'chat' } }));
    expect(counted(pods)).toMatchObject({ 'team-a/chat': { selected: 4, missing: ['a', 'b', 'c'] } });
  });
});

describe('a sidecar', () => {
  test('reports as long as its last call is no older than a poll and a pause', () => {
    const clock = new TestClock();
    const sightings = new PodSightings({ clock });
    sightings.note('a');
    clock.pass(90_000);
    expect(sightings.hasReported('a')).toBe(true);
    clock.pass(1);
    expect(sightings.hasReported('a')).toBe(false);
    expect(sightings.hasReported('b')).toBe(false);
  });

  test('that is silent means nothing before every other one had the time to call', () => {
    const clock = new TestClock();
    const sightings = new PodSightings({ clock });
    expect(sightings.isComplete).toBe(false);
    clock.pass(90_001);
    expect(sightings.isComplete).toBe(true);
  });

  test('that was silent longest is forgotten where there are too many', () => {
    const sightings = new PodSightings({ clock: new TestClock(), maxPods: 2 });
    for (const uid of ['a', 'b', 'a', 'c']) sightings.note(uid);
    expect(['a', 'b', 'c'].map((uid) => sightings.hasReported(uid))).toEqual([true, false, true]);
  });
});

describe('the board', () => {
  const all = { selected: 1, enforced: 1, missing: [] };
  const none = { selected: 1, enforced: 0, missing: ['a'] };

  test('knows nothing before the first count, and then also of budgets without pods', () => {
    const board = new CoverageBoard();
    expect(board.get('team-a/chat')).toBeUndefined();
    expect(board.put(new Map(), { budgets: ['team-a/chat'], isComplete: false })).toEqual(['team-a/chat']);
    expect(board.get('team-a/chat')).toEqual({ selected: 0, enforced: 0, missing: [] });
  });

  test('says that a pod goes without only once all sidecars have been heard', () => {
    const board = new CoverageBoard();
    const counts = new Map([
      ['a/good', all],
      ['a/bad', none],
    ]);
    const budgets = [...counts.keys()];
    expect(board.put(counts, { budgets, isComplete: false })).toEqual(['a/good']);
    expect([board.get('a/good'), board.get('a/bad')]).toEqual([all, undefined]);
    expect(board.put(counts, { budgets, isComplete: true })).toEqual(['a/bad']);
    expect([board.get('a/good'), board.get('a/bad')]).toEqual([all, none]);
  });

  test('tells which budgets have changed, also one whose last pod has gone', () => {
    const board = new CoverageBoard();
    const told = (counts: [string, Coverage][]): string[] =>
      board.put(new Map(counts), { budgets: ['a/x', 'a/y'], isComplete: true });
    expect(told([['a/x', all]])).toEqual(['a/x', 'a/y']);
    expect(told([['a/x', all]])).toEqual([]);
    expect(told([['a/x', none]])).toEqual(['a/x']);
    expect(told([])).toEqual(['a/x']);
  });
});

describe('Enforcing', () => {
  const open = { type: 'Enforcing', status: 'True', reason: 'Enforcing', message: 'Open.' } as const;
  const lost = { type: 'Enforcing', status: 'False', reason: 'LedgerLost', message: 'Lost.' } as const;
  const some = { selected: 5, enforced: 1, missing: ['a', 'b', 'c'] };

  test('is as its ledger is where every pod has its sidecar', () => {
    const coverage = { selected: 5, enforced: 5, missing: [] };
    expect(withCoverage(open, { coverage, previous: [] })).toEqual(open);
    expect(withCoverage(lost, { coverage: some, previous: [] })).toEqual(lost);
  });

  test('is False where pods have none, and says which and what to do', () => {
    const seen = withCoverage(open, { coverage: some, previous: [] });
    expect(seen).toMatchObject({ status: 'False', reason: 'SidecarMissing' });
    expect(seen.message).toMatch(/^4 of 5 running pods .* among them a, b, c: delete them/);
  });

  test('stays as it was said before while nobody knows', () => {
    const said = withCoverage(open, { coverage: some, previous: [] });
    const previous = [{ ...said, lastTransitionTime: '2026-11-10T12:00:00Z', observedGeneration: 1 }];
    expect(withCoverage(open, { coverage: undefined, previous })).toMatchObject(said);
    expect(withCoverage(open, { coverage: undefined, previous: [] })).toEqual(open);
  });
});
