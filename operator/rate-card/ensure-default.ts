import { rateCards } from '../budget/resources.ts';
import type { KubeClient } from '../kube/client.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { buildDefaultRateCard } from './default.ts';

/** Creates the default rate card where there is none; one that is there is its owner's. True if it was created. */
export async function ensureDefaultRateCard(
  kube: KubeClient,
  { signal }: { signal: AbortSignal },
): Promise<boolean> {
  const { metadata, spec } = buildDefaultRateCard();
  try {
    await kube.create(rateCards, { metadata: { name: metadata.name }, spec }, { signal });
    return true;
  } catch (error) {
    if (isKubeError(error, 'AlreadyExists')) return false;
    throw error;
  }
}
