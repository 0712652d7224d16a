/** Names a budget; two budgets of one name live in different namespaces. */
export interface BudgetRef {
  namespace: string;
  name: string;
}

/** `namespace/name`: the key of a budget in queues, caches and logs. */
export function budgetKey({ namespace, name }: BudgetRef): string {
  return `${namespace}/${name}`;
}

/** The budget of a key made by `budgetKey`. Throws a TypeError for anything else. */
export function parseBudgetKey(key: string): BudgetRef {
  const [namespace, name, ...more] = key.split('/');
  if (!namespace || !name || more.length > 0) throw new TypeError(`"${key}" is no namespace/name`);
  return { namespace, name };
}
