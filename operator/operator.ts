import { randomUUID } from 'node:crypto';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { Agent } from 'undici';
import { rootOf } from './budget/family.ts';
import type { KeyPair } from './certificates/issue.ts';
import { startAdmin } from './admin.ts';
import type { OperatorConfig } from './config.ts';
import { startControllers } from './controllers.ts';
import type { Controllers } from './controllers.ts';
import { keepCertificates } from './keep-certificates.ts';
import { PodSightings } from './coverage/pod-sightings.ts';
import { monotonicClock, systemClock } from './kube/clock.ts';
import { KubeClient } from './kube/client.ts';
import type { LeaseService } from './lease-service/lease-service.ts';
import { recordRefusedCall } from './lease-service/refused-call.ts';
import { startLeaseService } from './lease-service/server.ts';
import { lead } from './lead.ts';
import { OperatorMetrics } from './metrics.ts';
import { createElection } from './replicas/create-election.ts';
import type { Election } from './replicas/election.ts';
import { InformedLeader } from './replicas/informed-leader.ts';
import { keepHeartbeats, originOf } from './replicas/heartbeats.ts';
import { Peers } from './replicas/peers.ts';
import { requireLeadership } from './replicas/leadership.ts';
import { keepTime, prepareCluster } from './prepare.ts';
import { ServerClock } from './server-clock.ts';
import { Tasks } from './tasks.ts';
import { startInjection } from './webhook/injection.ts';
import type { Injection } from './webhook/injection.ts';

/** Field manager of everything the operator applies. */
const fieldManager = 'sapaibudget-operator';

export interface OperatorOptions {
  config: OperatorConfig;
  kubeConfig: KubeConfig;
  log: Logger;
  version: string;
  /** Stops the operator. */
  signal: AbortSignal;
}

/** A running operator. */
export interface Operator {
  /** HTTPS for sidecars. */
  port: number;
  /** HTTPS for the API server; undefined where nothing is injected. */
  webhookPort: number | undefined;
  /** Metrics and probes. */
  adminPort: number;
  /** Resolves when, after the signal, everything has ended; rejects where a part failed and took the rest with it. */
  stopped: Promise<void>;
}

/** Starts the operator; resolves when it serves sidecars. Waits for the API server and the CRDs as long as it takes. */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const parts = buildParts(options);
  const { config } = options;
  const { metrics, signal, tasks, ledgersEnd } = parts;
  let ready = false;
  const admin = await startAdmin({
    listen: config.adminListen,
    registry: metrics.registry,
    isReady: () => ready && !signal.aborted,
    // Probes and metrics are answered to the end.
    signal: ledgersEnd.signal,
  });
  tasks.own('admin', admin.closed);
  options.log.info({ port: admin.port }, 'admin listens');
  try {
    const { service, webhookPort } = await startServing(parts, options);
    ready = true;
    options.log.info({ port: service.port, adminPort: admin.port }, 'operator serves sidecars');
    return { port: service.port, webhookPort, adminPort: admin.port, stopped: end(parts, service.closed) };
  } catch (error) {
    parts.failed.abort(error);
    await end(parts, Promise.resolve()).catch(() => undefined);
    throw error;
  }
}

interface Parts {
  kube: KubeClient;
  /** Writes only while this replica leads. */
  leaderKube: KubeClient;
  election: Election;
  leadership: InformedLeader;
  peers: Peers;
  dispatcher: Agent;
  clock: ServerClock;
  metrics: OperatorMetrics;
  tasks: Tasks;
  /** Fired by a part that failed: takes the rest with it. */
  failed: AbortController;
  /** Stops what serves and reconciles. */
  signal: AbortSignal;
  /** Stops the ledgers, and what can go on until then. */
  ledgersEnd: AbortController;
}

function buildParts({ config, kubeConfig, log, version, signal: outer }: OperatorOptions): Parts {
  const failed = new AbortController();
  const signal = AbortSignal.any([outer, failed.signal]);
  const metrics = new OperatorMetrics({ version });
  const tasks = new Tasks({
    onFailed: (name, error) => {
      if (signal.aborted && error === signal.reason) return;
      log.error({ task: name, err: error }, 'task failed, the operator stops');
      failed.abort(error);
    },
  });
  const client = { fieldManager, onCall: metrics.countApiCall.bind(metrics) };
  const kube = new KubeClient(kubeConfig, client);
  const election = createElection({ kube, log, ...config });
  const leadership = new InformedLeader(election);
  return {
    kube,
    leaderKube: new KubeClient(kubeConfig, { ...client, beforeWrite: () => requireLeadership(leadership) }),
    election,
    leadership,
    peers: new Peers({
      own: { name: `sap-ai-budget-replica-${randomUUID()}`, origin: undefined },
      clock: monotonicClock,
    }),
    // HTTP/1.1: a pooled HTTP/2 session whose peer went silent would take every retry with it.
    dispatcher: new Agent({ allowH2: false, connections: 16, connect: { timeout: 10_000 } }),
    clock: new ServerClock(systemClock),
    metrics,
    tasks,
    failed,
    signal,
    ledgersEnd: new AbortController(),
  };
}

interface Serving {
  service: LeaseService;
  webhookPort: number | undefined;
}

async function startServing(parts: Parts, { config, log }: OperatorOptions): Promise<Serving> {
  const { kube, clock, leadership, metrics, tasks, signal, ledgersEnd } = parts;
  const { leads } = leadership;
  const sightings = new PodSightings({ clock: systemClock });
  const certificates = await prepareCluster({ kube, config, clock, leads, log, signal });
  const options = { ...parts, config, log, sightings, ledgerSignal: ledgersEnd.signal };
  const controllers = await startControllers(options);
  const { ledgers, configurations, tokens } = controllers.services;
  const service = await startLeaseService({
    listen: config.listen,
    certificates,
    kube,
    ledgers,
    configurationSource: configurations,
    homes: parts.peers,
    rootNamespaceOf: (budget) => rootOf(budget, controllers.services.relatives)?.metadata.namespace,
    tokens,
    leaseSeconds: config.leaseSeconds,
    clock,
    log,
    metrics,
    onPod: ({ uid }) => sightings.note(uid),
    onRefused: (call) => recordRefusedCall(call, controllers.services),
    signal,
  });
  const injection = await startInjectionIfSet(parts, { config, log, certificates, ...controllers });
  const { namespace, advertisedNames: names } = config;
  metrics.servesWith(certificates);
  const use = (pair: KeyPair): void => {
    metrics.servesWith(pair);
    service.useCertificates(pair);
    injection?.useCertificates(pair);
  };
  tasks.own(
    'certificates',
    keepCertificates(certificates, { kube, namespace, names, clock, leads, log, signal, use }),
  );
  tasks.own('clock', keepTime({ kube, clock, log, signal }));
  joinReplicas({ parts, config, log, port: service.port }, async (term) => {
    const { budgets, rateCards } = controllers.watched;
    await leadership.inform(() => Promise.all([budgets.relist(), rateCards.relist()]), term);
    injection?.takeLead();
    await lead({ ...options, ...controllers }, term);
  });
  return { service, webhookPort: injection?.port };
}

/** Stands for election and shows itself to the other replicas, now that this one serves. */
function joinReplicas(
  { parts, config, log, port }: { parts: Parts; port: number } & Pick<OperatorOptions, 'config' | 'log'>,
  serveTerm: (term: AbortSignal) => Promise<void>,
): void {
  const { kube, election, leadership, peers, metrics, tasks, signal } = parts;
  const { namespace, replicaIp, leaderMs: durationMs } = config;
  metrics.watchReplicas({ leadership, peers });
  peers.serveAt(replicaIp === undefined ? undefined : originOf(replicaIp, port));
  peers.onChange(() => log.info({ replicas: peers.count }, 'replicas have come or gone'));
  const beats = keepHeartbeats({
    kube,
    namespace,
    peers,
    durationMs,
    clock: monotonicClock,
    leads: leadership.leads,
    onFailure: (error) => log.warn({ err: error }, 'heartbeat failed'),
    signal,
  });
  tasks.own('heartbeats', beats);
  const elected = async (term: AbortSignal): Promise<void> => {
    log.info({ term: leadership.term }, 'this replica leads');
    await serveTerm(term);
    log.info({ term: leadership.term }, 'this replica leads no more');
  };
  tasks.own('election', election.run(elected, signal));
}

/** Undefined where the settings have nothing to put into pods. */
async function startInjectionIfSet(
  { kube, leadership, metrics, tasks, signal }: Parts,
  { config, log, certificates, resourceGroupOf }: InjectionParts,
): Promise<Injection | undefined> {
  if (config.injection === undefined) return undefined;
  const injection = await startInjection({
    listen: config.webhookListen,
    certificates,
    operatorNamespace: config.namespace,
    settings: config.injection,
    resourceGroupOf,
    leads: leadership.leads,
    kube,
    clock: systemClock,
    log,
    metrics: {
      admissionAnswered: (call) => metrics.admissionAnswered(call),
      reconciled: (controller, report) => metrics.observeReconcile(controller, report),
    },
    signal,
  });
  tasks.own('injection', injection.stopped);
  return injection;
}

interface InjectionParts
  extends Pick<OperatorOptions, 'config' | 'log'>, Pick<Controllers, 'resourceGroupOf'> {
  certificates: KeyPair;
}

/** Sidecars return what they hold until the service has closed; only then the ledgers may end. */
async function end(parts: Parts, serviceClosed: Promise<void>): Promise<void> {
  const { kube, leaderKube, dispatcher, tasks, failed, signal, ledgersEnd } = parts;
  await serviceClosed;
  ledgersEnd.abort(signal.reason);
  await tasks.ended();
  await Promise.all([kube.close(), leaderKube.close(), dispatcher.destroy()]);
  failed.signal.throwIfAborted();
}
