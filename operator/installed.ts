import { budgets, rateCards } from './budget/resources.ts';
import { isKubeError } from './kube/kube-error.ts';
import type { KubeClient } from './kube/client.ts';
import { ledgerResource } from './ledger/ledger-store.ts';
import { ledgerPageResource } from './ledger/page-store.ts';

/** Matches nothing: only whether the kind is served is asked. */
const nothing = 'sapai.eerly.ai/asked-for=installed';

/** The CRDs are not in the cluster, or not yet. */
export class NotInstalledError extends Error {
  override readonly name = 'NotInstalledError';
  readonly reason = 'crds_missing';
}

/** Throws a NotInstalledError that names the kinds the API server does not know, or a KubeError. */
export async function requireCrds(
  kube: KubeClient,
  { namespace, signal }: { namespace: string; signal: AbortSignal },
): Promise<void> {
  const missing: string[] = [];
  const wanted = [
    { resource: budgets },
    { resource: rateCards },
    { resource: ledgerResource, namespace },
    { resource: ledgerPageResource, namespace },
  ];
  for (const { resource, ...within } of wanted) {
    try {
      await kube.list(resource, { ...within, labelSelector: nothing, signal });
    } catch (error) {
      if (!isKubeError(error, 'NoSuchResource')) throw error;
      missing.push(resource.kind);
    }
  }
  if (missing.length === 0) return;
  throw new NotInstalledError(
    `the API server does not know ${missing.join(', ')}: apply the CRDs with "kubectl apply --server-side -f crds/generated"`,
  );
}
