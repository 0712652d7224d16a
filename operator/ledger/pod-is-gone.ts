import { z } from 'zod';
import type { KubeClient } from '../kube/client.ts';
import { pods } from '../kube/resource.ts';
import type { Holder } from './row-folding.ts';

const podObject = z.object({
  metadata: z.object({ uid: z.string() }),
  status: z.object({ phase: z.string().default('Unknown') }).default({ phase: 'Unknown' }),
});
const readMs = 10_000;

/**
 * Whether a pod can never send a message again: it was deleted, or all its containers have ended for good. The API server
 * accepts the token of such a pod no more, or the operator does not.
 *
 * @throws KubeError when nobody can say
 */
export async function podIsGone(kube: KubeClient, { key, name: path }: Holder): Promise<boolean> {
  const [namespace = '', name = ''] = path.split('/');
  const object = await kube.get(pods, { namespace, name, signal: AbortSignal.timeout(readMs) });
  if (object === undefined) return true;
  const { metadata, status } = podObject.parse(object);
  return `pod:${metadata.uid}` !== key || status.phase === 'Succeeded' || status.phase === 'Failed';
}
