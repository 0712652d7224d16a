import { parseQuantity } from '../../accounting/amount.ts';
import { usualWeight } from '../../accounting/ledger-shares.ts';
import type { Share } from '../../accounting/ledger-shares.ts';
import type { SapAiBudget } from '../../crds/budget.ts';
import { budgetKey } from '../configuration/budget-ref.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';

/** A budget as far as its place among others goes. */
export type Relative = Pick<SapAiBudget, 'metadata' | 'spec'>;

/** Where budgets, and labels of namespaces, are looked up. */
export interface Relatives {
  get(key: string): Relative | undefined;
  list(): Relative[];
  /** Undefined for a namespace that is not known (yet). */
  namespaceLabels(namespace: string): Readonly<Record<string, string>> | undefined;
}

/** Root, child, grandchild. */
const maxLevels = 3;

/** Why a budget has no parent to spend from. */
export interface LineageProblem {
  reason: 'ParentNotFound' | 'ParentCycle' | 'ParentTooDeep' | 'NamespaceNotAllowed';
  message: string;
}

/** Key of the budget that this one is below. */
export function parentKeyOf({ spec }: Pick<Relative, 'spec'>): string | undefined {
  return spec.parentRef && budgetKey(spec.parentRef);
}

/**
 * The budget that this one may spend from, and the root above: each level is there, no level is met twice, and the parent
 * allows the namespace.
 */
export function lineageOf(
  budget: Relative,
  relatives: Relatives,
): { parent: Relative; root: Relative } | LineageProblem {
  const met = [keyOf(budget)];
  let parent: Relative | undefined;
  let last = budget;
  for (let key = parentKeyOf(last); key !== undefined; key = parentKeyOf(last)) {
    if (met.includes(key)) return cycle([...met, key]);
    const next = relatives.get(key);
    if (next === undefined || next.metadata.deletionTimestamp !== undefined) return notFound(key, met);
    if (met.push(key) > maxLevels) return tooDeep(met);
    parent ??= next;
    last = next;
  }
  if (parent === undefined) throw new TypeError('a root has no lineage');
  return refusal(budget, parent, relatives) ?? { parent, root: last };
}

/** The root above a budget, or the budget itself; undefined where the way there is broken. */
export function rootOf(ref: BudgetRef, relatives: Relatives): Relative | undefined {
  const budget = relatives.get(budgetKey(ref));
  if (budget?.spec.parentRef === undefined) return budget;
  const lineage = lineageOf(budget, relatives);
  return 'root' in lineage ? lineage.root : undefined;
}

/** Keys of all budgets that name this one as their parent. */
export function childKeysOf(key: string, relatives: Relatives): string[] {
  return relatives
    .list()
    .filter((one) => parentKeyOf(one) === key)
    .map(keyOf);
}

/** Budgets that name this one as their parent, and may. */
function childrenOf(parent: Relative, relatives: Relatives): Relative[] {
  const key = keyOf(parent);
  return relatives
    .list()
    .filter((one) => parentKeyOf(one) === key && one.metadata.deletionTimestamp === undefined)
    .filter((one) => refusal(one, parent, relatives) === undefined);
}

/** What the budgets below this one are promised, by `<namespace>/<name>`; those that are promised nothing are left out. */
export function promisesOf(
  parent: Relative,
  relatives: Relatives,
): Map<string, Pick<Share, 'guaranteed' | 'weight'>> {
  const promises = childrenOf(parent, relatives).map((child) => {
    const { weight = usualWeight } = child.spec;
    return [keyOf(child), { guaranteed: guaranteedTo(child), weight }] as const;
  });
  return new Map(promises.filter(([, { guaranteed, weight }]) => guaranteed > 0n || weight !== usualWeight));
}

/** As it is stored a quantity may be a number. */
function guaranteedTo({ spec }: Relative): bigint {
  const stored: unknown = spec.guaranteed ?? '0';
  return parseQuantity(String(stored));
}

/** `namespace/name` of a budget. */
export function keyOf({ metadata: { namespace, name } }: Pick<Relative, 'metadata'>): string {
  return budgetKey({ namespace, name });
}

/** A budget as others refer to it. */
export function refOf({ metadata: { namespace, name } }: Pick<Relative, 'metadata'>): BudgetRef {
  return { namespace, name };
}

function refusal(child: Relative, parent: Relative, relatives: Relatives): LineageProblem | undefined {
  const { namespace } = child.metadata;
  const labels = relatives.namespaceLabels(namespace) ?? {};
  const advice = missingConsent(parent, { namespace, labels });
  if (advice === undefined) return undefined;
  return {
    reason: 'NamespaceNotAllowed',
    message: `Budget ${keyOf(parent)} allows no budgets below it in namespace "${namespace}": ${advice}.`,
  };
}

/** What to do so that budgets below this one may be in a namespace; undefined: they may. */
function missingConsent(
  { metadata, spec }: Relative,
  { namespace, labels }: { namespace: string; labels: Readonly<Record<string, string>> },
): string | undefined {
  const { from, selector } = spec.childNamespaces ?? { from: 'Same' };
  if (from === 'All') return undefined;
  if (from === 'Same') return metadata.namespace === namespace ? undefined : 'set its spec.childNamespaces';
  const wanted = Object.entries(selector?.matchLabels ?? {});
  const missing = wanted.filter(([name, value]) => labels[name] !== value);
  if (missing.length === 0) return undefined;
  const pairs = missing.map(([name, value]) => `${name}=${value}`).join(',');
  return `give the namespace the labels ${pairs}, or change its spec.childNamespaces`;
}

function notFound(key: string, met: readonly string[]): LineageProblem {
  const whose = met.length === 1 ? 'spec.parentRef' : `spec.parentRef of ${met.at(-1)}`;
  return {
    reason: 'ParentNotFound',
    message: `There is no SapAiBudget ${key}: create it, or correct ${whose}.`,
  };
}

function cycle(met: readonly string[]): LineageProblem {
  return {
    reason: 'ParentCycle',
    message: `The budgets name each other as parents: ${met.join(' below ')}. One of them must be a root, with aiCore instead of parentRef.`,
  };
}

function tooDeep(met: readonly string[]): LineageProblem {
  return {
    reason: 'ParentTooDeep',
    message: `There are more than ${maxLevels} levels: ${met.join(' below ')}. Name a budget higher up as the parent.`,
  };
}
