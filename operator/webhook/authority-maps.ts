import { authorityConfigMapName } from '../certificates/ensure.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import { runController } from '../kube/controller.ts';
import type { Outcome, ReconcileReport } from '../kube/controller.ts';
import { Informer } from '../kube/informer.ts';
import type { InformerReport } from '../kube/informer.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { WorkQueue } from '../kube/queue.ts';
import { configMaps, namespaces } from '../kube/resource.ts';
import type { KubeObject } from '../kube/resource.ts';
import { budgetLabel } from '../lease-service/allowed-budgets.ts';

interface AuthorityMap extends KubeObject {
  data?: Record<string, string>;
}

export interface AuthorityMapsOptions {
  kube: KubeClient;
  /** Here the map is kept with the certificates; all others say what it says, so that replicas agree. */
  operatorNamespace: string;
  /** Others make the map only where there is none: for a pod that they have admitted. */
  leads: () => boolean;
  clock: Clock;
  /** Told whenever there are other authorities. */
  onRenewed?: () => void;
  onCache?: (cache: 'namespaces' | 'authority maps', report: InformerReport) => void;
  onReconcile?: (report: ReconcileReport) => void;
}

/**
 * Keeps the CA's ConfigMap in every namespace where sidecars need it: those labelled with a budget, and those of pods that were
 * admitted. Maps that are there are kept up to date also where nothing is known to need them: pods that still run may mount them.
 */
export class AuthorityMaps {
  readonly #options: AuthorityMapsOptions;
  readonly #queue: WorkQueue;
  readonly #namespaces: Informer<KubeObject>;
  readonly #maps: Informer<AuthorityMap>;

  constructor(options: AuthorityMapsOptions) {
    const { kube, clock, onCache } = options;
    this.#options = options;
    this.#queue = new WorkQueue({ clock });
    this.#namespaces = new Informer<KubeObject>({
      kube,
      resource: namespaces,
      labelSelector: budgetLabel,
      onReport: (report) => onCache?.('namespaces', report),
    });
    this.#maps = new Informer<AuthorityMap>({
      kube,
      resource: configMaps,
      fieldSelector: `metadata.name=${authorityConfigMapName}`,
      onReport: (report) => onCache?.('authority maps', report),
    });
  }

  /** Resolves when both caches are filled; rejects if `run` ends before. */
  async synced(): Promise<void> {
    await Promise.all([this.#namespaces.synced, this.#maps.synced]);
  }

  /** PEM of the CAs that sidecars and the API server should trust; undefined while the operator has published none. */
  authorities(): string | undefined {
    return this.#textOf(this.#options.operatorNamespace);
  }

  /** The labels of a namespace that has a budget's label; undefined for others, and for one that is not known yet. */
  labelsOf(namespace: string): Record<string, string> | undefined {
    return this.#namespaces.get(namespace)?.metadata.labels;
  }

  /** A pod was admitted there: makes the map soon, unless it is there. */
  want(namespace: string): void {
    if (namespace !== this.#options.operatorNamespace) this.#queue.add(namespace);
  }

  /** Works until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, onReconcile, operatorNamespace } = this.#options;
    this.#namespaces.onChange(({ type, object }) => {
      if (type !== 'deleted') this.want(object.metadata.name);
    });
    this.#maps.onChange(({ type, object }) => {
      const namespace = object.metadata.namespace ?? '';
      if (namespace === operatorNamespace) this.renew();
      else if (type !== 'deleted' || this.labelsOf(namespace) !== undefined) this.want(namespace);
    });
    const controller = runController({
      queue: this.#queue,
      reconcile: (namespace, ended) => this.#ensure(namespace, ended),
      clock,
      signal,
      ...(onReconcile && { onReconcile }),
    });
    await Promise.all([this.#namespaces.run(signal), this.#maps.run(signal), controller]);
  }

  #textOf(namespace: string): string | undefined {
    return this.#maps.get(`${namespace}/${authorityConfigMapName}`)?.data?.['ca.crt'];
  }

  /** Looks at all of them: the authorities have changed, or this replica leads from now on. */
  renew(): void {
    for (const { metadata } of this.#namespaces.list()) this.want(metadata.name);
    for (const { metadata } of this.#maps.list()) this.want(metadata.namespace ?? '');
    this.#options.onRenewed?.();
  }

  async #ensure(namespace: string, signal: AbortSignal): Promise<Outcome> {
    const wanted = this.authorities();
    if (wanted === undefined) return { state: 'waiting', requeueAfterMs: 1000, reason: 'NoCertificates' };
    const present = this.#textOf(namespace);
    if (present === wanted || (present !== undefined && !this.#options.leads())) return { state: 'done' };
    try {
      const map = { metadata: { namespace, name: authorityConfigMapName }, data: { 'ca.crt': wanted } };
      await this.#options.kube.apply(configMaps, map, { signal });
    } catch (error) {
      // The namespace is gone, or going: nothing new starts in it.
      const isGoing = isKubeError(error, 'Forbidden') && error.message.includes('being terminated');
      if (!isGoing && !isKubeError(error, 'NotFound')) throw error;
    }
    return { state: 'done' };
  }
}
