import { expect, test } from 'vitest';
import { allowedBudgets, budgetLabel, budgetsAnnotation } from './allowed-budgets.ts';

const longest = 'b'.repeat(63);

test.each<{ name: string; list?: string; label?: string; ofNamespace?: string; want: string[] }>([
  { name: 'a list comes before a label', list: 'a, b', label: 'c', ofNamespace: 'd', want: ['a', 'b'] },
  { name: 'a label comes before its namespace’s', label: 'c', ofNamespace: 'd', want: ['c'] },
  { name: 'a namespace’s label is for pods that say nothing', ofNamespace: 'd', want: ['d'] },
  { name: 'without any there is none', want: [] },
  { name: 'an empty list is a list', list: '', label: 'c', want: [] },
  { name: 'blanks and empty parts of a list do not count', list: ' a ,, b,', want: ['a', 'b'] },
  { name: 'a name counts once, at its first place', list: 'b,a,b', want: ['b', 'a'] },
  { name: 'names of other namespaces are no names', list: 'team-b/chat,a', want: ['a'] },
  { name: 'paths and capitals are no names', list: '../a,A,a_b,-a,a-', want: [] },
  { name: 'a name has 63 characters at most', list: `${longest},${longest}b`, want: [longest] },
])('$name', ({ list, label, ofNamespace, want }) => {
  const budgets = allowedBudgets({
    namespace: 'team-a',
    annotations: list === undefined ? {} : { [budgetsAnnotation]: list },
    labels: label === undefined ? {} : { [budgetLabel]: label },
    namespaceLabels: ofNamespace === undefined ? {} : { [budgetLabel]: ofNamespace },
  });
  expect(budgets).toEqual(want.map((name) => ({ namespace: 'team-a', name })));
});

test('a pod names no more budgets than an answer has room for', () => {
  const list = Array.from({ length: 100 }, (_, index) => `b${index}`).join(',');
  const choice = {
    namespace: 'team-a',
    annotations: { [budgetsAnnotation]: list },
    labels: {},
    namespaceLabels: {},
  };
  expect(allowedBudgets(choice)).toHaveLength(64);
});
