import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { z } from 'zod';
import { group } from '../../crds/custom-resource.ts';
import { homeOrigin } from '../../accounting/configuration-messages.ts';
import { pause } from '../kube/clock.ts';
import type { Clock } from '../kube/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { microTime } from '../kube/event-object.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { leases } from '../kube/resource.ts';
import type { KubeObject, ObjectMeta } from '../kube/resource.ts';
import type { Heartbeat, Peers } from './peers.ts';

/** Marks the Leases that are heartbeats of operators. */
const replicaLabel = `${group}/replica`;
const originAnnotation = `${group}/origin`;
/** A replica that was silent for so long does not come back: its pod is another one by now. */
const forgottenMs = 3_600_000;
const maxReplicas = 500;

const heartbeatObject = z.object({
  metadata: z.object({
    name: z.string(),
    resourceVersion: z.string(),
    annotations: z.object({ [originAnnotation]: homeOrigin.optional() }).default({}),
  }),
  spec: z.object({ leaseDurationSeconds: z.int().min(1).max(3600) }),
});

export interface HeartbeatOptions {
  kube: KubeClient;
  /** Of the operator. */
  namespace: string;
  /** Knows this replica, and is told of the others. */
  peers: Peers;
  durationMs: number;
  clock: Clock;
  /** Heartbeats of replicas that are long gone are the leader's to remove. */
  leads: () => boolean;
  /** Told of each beat that could not be written or read; must not throw. */
  onFailure: (error: unknown) => void;
  signal: AbortSignal;
}

/** Where sidecars reach the replica of this IP address. */
export function originOf(address: string, port: number): string {
  return `https://${isIPv6(address) ? `[${address}]` : address}:${port}`;
}

/** Tells other replicas that this one serves, and sees who else does, until the signal fires; then others are told so. */
export async function keepHeartbeats(options: HeartbeatOptions): Promise<void> {
  const { kube, namespace, peers, durationMs, clock, onFailure, signal } = options;
  let stored: ObjectMeta | undefined;
  while (!signal.aborted) {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(durationMs / 3)]);
    try {
      stored = await beat(options, stored, limit);
      peers.observe(await readAll(options, limit));
      await removeForgotten(options, limit);
    } catch (error) {
      // Somebody else has written or removed it: the next one is a new one.
      stored = undefined;
      peers.look();
      if (!signal.aborted) onFailure(error);
    }
    await pause(clock, durationMs / 3, signal);
  }
  const address = { namespace, name: peers.own.name, signal: AbortSignal.timeout(2_000) };
  await kube.delete(leases, address).catch(onFailure);
}

async function beat(
  { kube, namespace, peers, durationMs }: HeartbeatOptions,
  stored: ObjectMeta | undefined,
  signal: AbortSignal,
): Promise<ObjectMeta> {
  const { name, origin } = peers.own;
  const metadata: ObjectMeta = {
    name,
    namespace,
    labels: { [replicaLabel]: 'operator' },
    annotations: origin === undefined ? {} : { [originAnnotation]: origin },
  };
  const spec = {
    holderIdentity: hostname(),
    leaseDurationSeconds: Math.max(1, Math.round(durationMs / 1000)),
    renewTime: microTime(Date.now()),
  };
  const after = stored ?? (await kube.get(leases, { namespace, name, signal }))?.metadata;
  if (after?.resourceVersion === undefined)
    return (await kube.create(leases, { metadata, spec }, { signal })).metadata;
  const object = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: leases.kind,
    metadata: { ...metadata, resourceVersion: after.resourceVersion },
    spec,
  };
  return (await kube.replace(leases, object, { signal })).metadata;
}

/** What cannot be read as a heartbeat is none. */
async function readAll({ kube, namespace }: HeartbeatOptions, signal: AbortSignal): Promise<Heartbeat[]> {
  const select = { namespace, labelSelector: `${replicaLabel}=operator`, maxItems: maxReplicas, signal };
  const { items } = await kube.list<KubeObject>(leases, select);
  return items.flatMap((item): Heartbeat[] => {
    const parsed = heartbeatObject.safeParse(item);
    if (!parsed.success) return [];
    const { metadata, spec } = parsed.data;
    return [
      {
        name: metadata.name,
        version: metadata.resourceVersion,
        origin: metadata.annotations[originAnnotation],
        durationMs: spec.leaseDurationSeconds * 1000,
      },
    ];
  });
}

async function removeForgotten(
  { kube, namespace, peers, leads }: HeartbeatOptions,
  signal: AbortSignal,
): Promise<void> {
  if (!leads()) return;
  for (const name of peers.silentFor(forgottenMs))
    await kube.delete(leases, { namespace, name, signal }).catch((error: unknown) => {
      if (!isKubeError(error, 'Conflict')) throw error;
    });
}
