import { z } from 'zod';
import type { KubeClient } from '../kube/client.ts';
import { microTime } from '../kube/event-object.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { leases } from '../kube/resource.ts';
import type { KubeObject } from '../kube/resource.ts';
import type { ElectionStore, LeaderRecord, StoredRecord } from './election.ts';

/** Name of the Lease, in the operator's namespace, that says which replica leads. */
const leaderLeaseName = 'sap-ai-budget-operator';

/** What others write there is taken as far as it makes sense: a Lease nobody can read is a vacant one. */
const leaseSpec = z.object({
  holderIdentity: z.string().catch(''),
  leaseDurationSeconds: z.int().min(1).max(3600).catch(15),
  acquireTime: z.string().catch(''),
  renewTime: z.string().catch(''),
  leaseTransitions: z.int().min(0).catch(0),
});
type Lease = KubeObject & { spec?: unknown };

/** The record of the leader as a `coordination.k8s.io` Lease, as other controllers keep theirs. */
export class LeaderLease implements ElectionStore {
  readonly #kube: KubeClient;
  readonly #namespace: string;

  constructor({ kube, namespace }: { kube: KubeClient; namespace: string }) {
    this.#kube = kube;
    this.#namespace = namespace;
  }

  async read({ signal }: { signal: AbortSignal }): Promise<StoredRecord | undefined> {
    const address = { namespace: this.#namespace, name: leaderLeaseName, signal };
    const object = await this.#kube.get<Lease>(leases, address);
    return object && storedOf(object);
  }

  async write(
    record: LeaderRecord,
    { after, signal }: { after: StoredRecord | undefined; signal: AbortSignal },
  ): Promise<StoredRecord | undefined> {
    const metadata = { namespace: this.#namespace, name: leaderLeaseName };
    const spec = specOf(record);
    try {
      if (after === undefined)
        return storedOf(await this.#kube.create(leases, { metadata, spec }, { signal }));
      const object = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: leases.kind,
        metadata: { ...metadata, resourceVersion: after.version },
        spec,
      };
      return storedOf(await this.#kube.replace(leases, object, { signal }));
    } catch (error) {
      if (isKubeError(error, 'Conflict', 'AlreadyExists', 'NotFound')) return undefined;
      throw error;
    }
  }
}

function specOf(record: LeaderRecord): object {
  return {
    holderIdentity: record.holder,
    leaseDurationSeconds: Math.max(1, Math.round(record.durationMs / 1000)),
    acquireTime: microTime(record.acquiredAtMs),
    renewTime: microTime(record.renewedAtMs),
    leaseTransitions: record.transitions,
  };
}

function storedOf(object: Lease): StoredRecord {
  const spec = leaseSpec.parse(object.spec ?? {});
  return {
    version: object.metadata.resourceVersion ?? '',
    record: {
      holder: spec.holderIdentity,
      durationMs: spec.leaseDurationSeconds * 1000,
      acquiredAtMs: Date.parse(spec.acquireTime) || 0,
      renewedAtMs: Date.parse(spec.renewTime) || 0,
      transitions: spec.leaseTransitions,
    },
  };
}
