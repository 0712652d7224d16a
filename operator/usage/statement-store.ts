import { group, version } from '../../crds/custom-resource.ts';
import { parseStored } from '../../crds/parse.ts';
import { sapAiStatement } from '../../crds/statement.ts';
import type { SapAiStatementSpec, SapAiStatementStatus } from '../../crds/statement.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Resource } from '../kube/resource.ts';

export const statementResource: Resource = {
  group,
  version,
  plural: 'sapaistatements',
  kind: 'SapAiStatement',
  namespaced: true,
};

/** `<budget>-<period>`, in the budget's namespace. */
export function statementName({ name }: BudgetRef, period: string): string {
  return `${name}-${period}`;
}

/** The status of a statement; undefined where there is none. Throws StoredObjectError or KubeError. */
export async function readStatement(
  kube: KubeClient,
  { namespace, name }: { namespace: string; name: string },
  { signal }: { signal: AbortSignal },
): Promise<SapAiStatementStatus | undefined> {
  const stored = await kube.get(statementResource, { namespace, name, signal });
  return stored && (parseStored(sapAiStatement, stored).status ?? {});
}

/** Creates the statement or brings it up to date. It has no owner: it outlives its budget. Throws KubeError. */
export async function writeStatement(
  kube: KubeClient,
  statement: { namespace: string; name: string; spec: SapAiStatementSpec; status: SapAiStatementStatus },
  { signal }: { signal: AbortSignal },
): Promise<void> {
  const { namespace, name, spec, status } = statement;
  const metadata = { namespace, name };
  const labels = { [`${group}/budget`]: spec.budget };
  const object = { metadata: { ...metadata, labels }, spec };
  const { metadata: stored } = await kube.apply(statementResource, object, { signal });
  const observed = { observedGeneration: stored.generation ?? 0, ...status };
  await kube.applyStatus(statementResource, { metadata, status: observed }, { signal });
}
