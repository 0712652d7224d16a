import { randomBytes } from 'node:crypto';
import type { KeyPair } from '../certificates/issue.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import type { ReconcileReport } from '../kube/controller.ts';
import { namespaces } from '../kube/resource.ts';
import type { AdmissionWorld } from './admit.ts';
import { AuthorityMaps } from './authority-maps.ts';
import { CaBundle } from './ca-bundle.ts';
import type { RegistrationState } from './ca-bundle.ts';
import { startWebhook } from './server.ts';
import type { InjectionSettings } from './settings.ts';
import type { WebhookLog, WebhookMetrics, WebhookService } from './webhook-service.ts';

export interface InjectionOptions {
  /** Port 0: any that is free. */
  listen: { host: string; port: number };
  /** Served at first; their CA has to be published in `operatorNamespace` by who made them. */
  certificates: KeyPair;
  operatorNamespace: string;
  settings: InjectionSettings;
  /** The first resource group of a budget; undefined for one that is not there (yet). */
  resourceGroupOf: AdmissionWorld['resourceGroupOf'];
  leads: () => boolean;
  kube: KubeClient;
  clock: Clock;
  log: WebhookLog;
  metrics: WebhookMetrics & {
    reconciled?: (controller: 'authority_maps' | 'ca_bundle', report: ReconcileReport) => void;
  };
  signal: AbortSignal;
}

/** Sidecars get into pods from here on. */
export interface Injection extends WebhookService {
  /** This replica leads from now on: looks at all that only the leader keeps right. */
  takeLead: () => void;
  /** Resolves after the signal; rejects where a part of it failed. */
  stopped: Promise<void>;
}

/** 43 characters without a dot: a budget's name is put in front with one. */
const appKeyBytes = 32;
const readMs = 3000;

/**
 * Starts all that injection needs: the webhook, its CA at the API server, and the CA in the namespaces of pods. Resolves when it
 * answers; rejects when the address cannot be listened on.
 */
export async function startInjection(options: InjectionOptions): Promise<Injection> {
  const { kube, leads, clock, log, metrics, signal, operatorNamespace } = options;
  let caBundle: CaBundle | undefined;
  const maps = new AuthorityMaps({
    kube,
    operatorNamespace,
    leads,
    clock,
    onRenewed: () => caBundle?.renew(),
    onReconcile: (report) => told(report, { controller: 'authority_maps', log, metrics }),
  });
  caBundle = new CaBundle({
    kube,
    authorities: () => maps.authorities(),
    leads,
    clock,
    onState: sayOnce(log),
    onReconcile: (report) => told(report, { controller: 'ca_bundle', log, metrics }),
  });
  const running = Promise.all([maps.run(signal), caBundle.run(signal)]);
  const service = await startWebhook({ ...options, world: worldOf(options, maps) });
  const takeLead = (): void => maps.renew();
  return { ...service, takeLead, stopped: Promise.all([running, service.closed]).then(() => undefined) };
}

function worldOf({ settings, kube, resourceGroupOf }: InjectionOptions, maps: AuthorityMaps): AdmissionWorld {
  return {
    settings,
    resourceGroupOf,
    newAppKey: () => randomBytes(appKeyBytes).toString('base64url'),
    onAdmitted: (namespace) => maps.want(namespace),
    // The cache may not have heard yet of a namespace that was labelled just now.
    namespaceLabels: async (name) =>
      maps.labelsOf(name) ??
      (await kube.get(namespaces, { name, signal: AbortSignal.timeout(readMs) }))?.metadata.labels ??
      {},
  };
}

function told(
  report: ReconcileReport,
  {
    controller,
    log,
    metrics,
  }: { controller: 'authority_maps' | 'ca_bundle' } & Pick<InjectionOptions, 'log' | 'metrics'>,
): void {
  metrics.reconciled?.(controller, report);
  const { key, error, retryAfterMs } = report;
  if (report.result === 'error') log.error({ controller, key, err: error, retryAfterMs }, 'reconcile failed');
}

function sayOnce(log: WebhookLog): (state: RegistrationState) => void {
  let last: RegistrationState | undefined;
  return (state) => {
    if (state === last) return;
    last = state;
    if (state === 'trusted') log.info({}, 'the API server can ask about pods');
    else
      log.warn(
        {},
        'no MutatingWebhookConfiguration sap-ai-budget: pods get no sidecar; install the chart again',
      );
  };
}
