import { describe, expect, test } from 'vitest';
import { childKeysOf, lineageOf, promisesOf, rootOf } from './family.ts';
import type { Relative, Relatives } from './family.ts';

type Spec = Relative['spec'];

/** A budget, `<namespace>/<name>`; a root unless it has a parent. */
function budget(key: string, { parent, ...spec }: Partial<Spec> & { parent?: string } = {}): Relative {
  const above = parent && { parentRef: refOf(parent) };
  return {
    metadata: refOf(key),
    spec: {
      monthlyLimit: '100',
      enforcement: 'Enforce',
      allowedModels: [],
      outputTokens: { minimum: 64 },
      ...(above || { aiCore: { serviceKeySecretRef: { name: 'key' }, resourceGroups: ['default'] } }),
      ...spec,
    },
  };
}

function refOf(key: string): { namespace: string; name: string } {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
}

function among(
  budgets: readonly Relative[],
  labels: Record<string, Record<string, string>> = {},
): Relatives & { at: (key: string) => Relative } {
  const byKey = new Map(budgets.map((one) => [`${one.metadata.namespace}/${one.metadata.name}`, one]));
  const get = (key: string): Relative | undefined => byKey.get(key);
  return {
    get,
    list: () => [...budgets],
    namespaceLabels: (namespace) => labels[namespace],
    at: (key) => {
      const found = get(key);
      if (found === undefined) throw new Error(`no ${key}`);
      return found;
    },
  };
}

const all = { from: 'All' } as const;
const ai = { from: 'Selector', selector: { matchLabels: { ai: 'true', tier: 'a' } } } as const;

describe('the lineage of a budget', () => {
  test('is its parent and the root above', () => {
    const relatives = among([
      budget('p/root'),
      budget('p/child', { parent: 'p/root' }),
      budget('p/grandchild', { parent: 'p/child' }),
    ]);
    expect(lineageOf(relatives.at('p/grandchild'), relatives)).toEqual({
      parent: relatives.at('p/child'),
      root: relatives.at('p/root'),
    });
    expect(rootOf(refOf('p/grandchild'), relatives)).toBe(relatives.at('p/root'));
    expect(rootOf(refOf('p/root'), relatives)).toBe(relatives.at('p/root'));
    expect(rootOf(refOf('p/nobody'), relatives)).toBeUndefined();
  });

  test.each([
    {
      name: 'a parent that is not there',
      budgets: [budget('p/a', { parent: 'p/b' })],
      reason: 'ParentNotFound',
      says: 'There is no SapAiBudget p/b: create it, or correct spec.parentRef.',
    },
    {
      name: 'a root that is not there',
      budgets: [budget('p/a', { parent: 'p/b' }), budget('p/b', { parent: 'p/c' })],
      reason: 'ParentNotFound',
      says: 'There is no SapAiBudget p/c: create it, or correct spec.parentRef of p/b.',
    },
    {
      name: 'a parent that is being deleted',
      budgets: [
        budget('p/a', { parent: 'p/b' }),
        { ...budget('p/b'), metadata: { ...refOf('p/b'), deletionTimestamp: '2026-11-20T00:00:00Z' } },
      ],
      reason: 'ParentNotFound',
      says: 'p/b',
    },
    {
      name: 'itself',
      budgets: [budget('p/a', { parent: 'p/a' })],
      reason: 'ParentCycle',
      says: 'p/a below p/a',
    },
    {
      name: 'a circle above it',
      budgets: [
        budget('p/a', { parent: 'p/b' }),
        budget('p/b', { parent: 'p/c' }),
        budget('p/c', { parent: 'p/b' }),
      ],
      reason: 'ParentCycle',
      says: 'p/a below p/b below p/c below p/b',
    },
    {
      name: 'a fourth level',
      budgets: [
        budget('p/a', { parent: 'p/b' }),
        budget('p/b', { parent: 'p/c' }),
        budget('p/c', { parent: 'p/d' }),
        budget('p/d'),
      ],
      reason: 'ParentTooDeep',
      says: 'more than 3 levels',
    },
    {
      name: 'a parent of another namespace that says nothing',
      budgets: [budget('t/a', { parent: 'p/b' }), budget('p/b')],
      reason: 'NamespaceNotAllowed',
      says: 'Budget p/b allows no budgets below it in namespace "t": set its spec.childNamespaces.',
    },
    {
      name: 'a parent that asks for labels',
      budgets: [budget('t/a', { parent: 'p/b' }), budget('p/b', { childNamespaces: ai })],
      labels: { t: { tier: 'a' } },
      reason: 'NamespaceNotAllowed',
      says: 'give the namespace the labels ai=true, or change its spec.childNamespaces',
    },
    {
      name: 'a parent that asks its own namespace for labels',
      budgets: [budget('p/a', { parent: 'p/b' }), budget('p/b', { childNamespaces: ai })],
      reason: 'NamespaceNotAllowed',
      says: 'ai=true,tier=a',
    },
  ])('ends at $name', ({ budgets, labels, reason, says }) => {
    const relatives = among(budgets, labels);
    const [first] = budgets;
    expect(first && lineageOf(first, relatives)).toEqual({ reason, message: expect.stringContaining(says) });
  });

  test.each([
    { name: 'all namespaces', rule: all, labels: {} },
    {
      name: 'namespaces with labels that it has',
      rule: ai,
      labels: { t: { ai: 'true', tier: 'a', more: '' } },
    },
  ])('goes on where the parent allows $name', ({ rule, labels }) => {
    const relatives = among(
      [budget('t/a', { parent: 'p/b' }), budget('p/b', { childNamespaces: rule })],
      labels,
    );
    expect(lineageOf(relatives.at('t/a'), relatives)).toHaveProperty('root');
  });
});

test('promises are those to children that may be there', () => {
  const relatives = among([
    budget('p/root'),
    budget('p/one', { parent: 'p/root', guaranteed: '1500m' }),
    budget('p/two', { parent: 'p/root', weight: 3 }),
    budget('p/three', { parent: 'p/root' }),
    budget('p/below', { parent: 'p/one', guaranteed: '1' }),
    budget('t/stranger', { parent: 'p/root', guaranteed: '50' }),
  ]);
  const root = relatives.at('p/root');
  expect(promisesOf(root, relatives)).toEqual(
    new Map([
      ['p/one', { guaranteed: 1_500_000_000n, weight: 1 }],
      ['p/two', { guaranteed: 0n, weight: 3 }],
    ]),
  );
  expect(childKeysOf('p/root', relatives)).toEqual(['p/one', 'p/two', 'p/three', 't/stranger']);
});
