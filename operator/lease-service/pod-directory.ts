import { z } from 'zod';
import { meteringAnnotation } from '../../accounting/unified-metering.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import { namespaces, pods } from '../kube/resource.ts';
import { allowedBudgets, choosesItself } from './allowed-budgets.ts';
import { BoundedCache } from './bounded-cache.ts';
import { EndpointError } from './errors.ts';

/** A pod as a reviewed token names it. */
export interface PodIdentity {
  namespace: string;
  name: string;
  uid: string;
}

/** How long a pod's labels and phase, and a namespace's labels, are taken as they were: a change counts from then on. */
const lifeMs = 5000;
const maxPods = 16_384;
const maxNamespaces = 4096;
const readMs = 10_000;

const texts = z.record(z.string(), z.string()).default({});
const podObject = z.object({
  metadata: z.object({
    uid: z.string(),
    labels: texts,
    annotations: texts,
    deletionTimestamp: z.string().optional(),
  }),
  status: z.object({ phase: z.string().default('Unknown') }).default({ phase: 'Unknown' }),
});
const namespaceObject = z.object({ metadata: z.object({ labels: texts }) });

type Pod = z.infer<typeof podObject>;
type Labels = Record<string, string>;

/** What the API server says about the pods that call. Only pods that call are read, so no list of all pods is kept. */
export class PodDirectory {
  readonly #kube: KubeClient;
  readonly #pods: BoundedCache<Pod | undefined>;
  readonly #namespaces: BoundedCache<Labels>;

  constructor({ kube, clock }: { kube: KubeClient; clock: Clock }) {
    this.#kube = kube;
    this.#pods = new BoundedCache<Pod | undefined>({ clock, maxEntries: maxPods, lifeMs: lifeOf });
    this.#namespaces = new BoundedCache<Labels>({ clock, maxEntries: maxNamespaces, lifeMs: lifeOf });
  }

  /**
   * The budgets this pod may spend from, the default first. A pod that is being deleted is alive until it is gone.
   *
   * @param fresh whether the pod is read anew
   * @throws EndpointError `pod_gone` or `pod_finished`; KubeError when nobody can say
   */
  async budgetsOf(identity: PodIdentity, { fresh = false } = {}): Promise<BudgetRef[]> {
    const { namespace, uid } = identity;
    const read = (): Promise<Pod | undefined> => this.#readPod(identity);
    const pod = await (fresh ? this.#pods.refresh(uid, read) : this.#pods.get(uid, read));
    if (pod?.metadata.uid !== uid) throw new EndpointError('pod_gone');
    const { phase } = pod.status;
    if (phase === 'Succeeded' || phase === 'Failed') throw new EndpointError('pod_finished');
    const { labels, annotations } = pod.metadata;
    const namespaceLabels = choosesItself({ labels, annotations }) ? {} : await this.#labelsOf(namespace);
    return allowedBudgets({ namespace, labels, annotations, namespaceLabels });
  }

  /** What the pod's annotation says about unified metering; undefined without one, or for a pod nobody asked about lately. */
  async meteringOf(identity: PodIdentity): Promise<string | undefined> {
    const pod = await this.#pods.get(identity.uid, () => this.#readPod(identity));
    return pod?.metadata.annotations[meteringAnnotation];
  }

  /** Whether the pod's deletion was asked for; its application may take all the time it has to end. */
  async isLeaving(identity: PodIdentity): Promise<boolean> {
    const pod = await this.#pods.get(identity.uid, () => this.#readPod(identity));
    return pod?.metadata.deletionTimestamp !== undefined;
  }

  async #readPod({ namespace, name }: PodIdentity): Promise<Pod | undefined> {
    const object = await this.#kube.get(pods, { namespace, name, signal: AbortSignal.timeout(readMs) });
    return object && podObject.parse(object);
  }

  #labelsOf(name: string): Promise<Labels> {
    return this.#namespaces.get(name, async () => {
      const object = await this.#kube.get(namespaces, { name, signal: AbortSignal.timeout(readMs) });
      return object ? namespaceObject.parse(object).metadata.labels : {};
    });
  }
}

function lifeOf({ status }: PromiseSettledResult<unknown>): number {
  return status === 'fulfilled' ? lifeMs : 0;
}
