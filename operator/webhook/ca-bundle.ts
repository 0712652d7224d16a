import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import { runController } from '../kube/controller.ts';
import type { Outcome, ReconcileReport } from '../kube/controller.ts';
import { Informer } from '../kube/informer.ts';
import type { InformerReport } from '../kube/informer.ts';
import { WorkQueue } from '../kube/queue.ts';
import type { KubeObject, Resource } from '../kube/resource.ts';
import { webhookConfigurationName, webhookNames } from './webhook-configuration.ts';

/** Registrations of mutating webhooks. */
const mutatingWebhookConfigurations: Resource = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'mutatingwebhookconfigurations',
  kind: 'MutatingWebhookConfiguration',
  namespaced: false,
};

/** Whether the API server can ask us about pods. `absent`: nobody has registered the webhook, so no pod is injected. */
export type RegistrationState = 'trusted' | 'absent';

interface Registration extends KubeObject {
  webhooks?: { name: string; clientConfig: { caBundle?: string } }[];
}

export interface CaBundleOptions {
  kube: KubeClient;
  /** PEM of the CAs that the API server should trust; undefined while there are none. */
  authorities: () => string | undefined;
  clock: Clock;
  /** The registration is the leader's to change. */
  leads: () => boolean;
  /** Told whenever the registration was looked at. */
  onState?: (state: RegistrationState) => void;
  onCache?: (report: InformerReport) => void;
  onReconcile?: (report: ReconcileReport) => void;
}

/** Keeps the CA in the webhook's registration, which somebody else creates and owns: only with it the API server believes us. */
export class CaBundle {
  readonly #options: CaBundleOptions;
  readonly #queue: WorkQueue;
  readonly #registrations: Informer<Registration>;

  constructor(options: CaBundleOptions) {
    const { kube, clock, onCache } = options;
    this.#options = options;
    this.#queue = new WorkQueue({ clock });
    this.#registrations = new Informer<Registration>({
      kube,
      resource: mutatingWebhookConfigurations,
      fieldSelector: `metadata.name=${webhookConfigurationName}`,
      ...(onCache && { onReport: onCache }),
    });
  }

  /** Looks again: the CA may have changed. */
  renew(): void {
    this.#queue.add(webhookConfigurationName);
  }

  /** Works until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, onReconcile } = this.#options;
    this.#registrations.onChange(() => this.renew());
    this.#registrations.synced.then(
      () => this.renew(),
      () => undefined,
    );
    const controller = runController({
      queue: this.#queue,
      reconcile: (_name, ended) => this.#ensure(ended),
      clock,
      signal,
      ...(onReconcile && { onReconcile }),
    });
    await Promise.all([this.#registrations.run(signal), controller]);
  }

  async #ensure(signal: AbortSignal): Promise<Outcome> {
    const { kube, authorities, leads, onState } = this.#options;
    const stored = this.#registrations.get(webhookConfigurationName);
    if (stored === undefined) {
      onState?.('absent');
      return { state: 'stalled', reason: 'NotRegistered' };
    }
    const pem = authorities();
    if (pem === undefined) return { state: 'waiting', requeueAfterMs: 1000, reason: 'NoCertificates' };
    const caBundle = Buffer.from(pem).toString('base64');
    const ours: string[] = Object.values(webhookNames);
    const entries = (stored.webhooks ?? []).filter(({ name }) => ours.includes(name));
    const isTrusted = entries.every(({ clientConfig }) => clientConfig.caBundle === caBundle);
    if (!isTrusted && !leads()) return { state: 'done' };
    if (!isTrusted) {
      const webhooks = entries.map(({ name }) => ({ name, clientConfig: { caBundle } }));
      const { name, uid } = stored.metadata;
      // The uid: a registration that was removed meanwhile must not come back as a torso.
      const metadata = uid === undefined ? { name } : { name, uid };
      await kube.apply(mutatingWebhookConfigurations, { metadata, webhooks }, { signal });
    }
    onState?.('trusted');
    return { state: 'done' };
  }
}
