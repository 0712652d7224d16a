import { randomBytes } from 'node:crypto';
import { Agent, request } from 'undici';
import { schemaVersion } from '../../accounting/message-parts.ts';
import { encodeMessage } from '../../accounting/messages.ts';
import type { ControlPlaneAccess } from '../../test/control-plane/access.ts';
import { startFaultProxy } from '../../test/control-plane/fault-proxy.ts';
import type { FaultProxy } from '../../test/control-plane/fault-proxy.ts';
import { issueAuthority, issueLeaf } from '../certificates/issue.ts';
import type { KeyPair } from '../certificates/issue.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import { Configurations } from '../configuration/configurations.ts';
import { Peers } from '../replicas/peers.ts';
import { KubeClient } from '../kube/client.ts';
import type { LedgerEvent } from '../../accounting/ledger-transitions.ts';
import { startLedgers } from '../ledger/ledger-registry.ts';
import { LedgerStore } from '../ledger/ledger-store.ts';
import type { Ledgers } from '../ledger/ledgers.ts';
import { ShiftedClock } from '../ledger/test-ledgers.ts';
import type { AccessToken } from '../sap/access-token.ts';
import type { LeaseService } from './lease-service.ts';
import type { RefusedCall } from './refused-call.ts';
import { startLeaseService } from './server.ts';

/** A replica that leads, and of whose ledgers nobody is told that they changed. */
const alone = {
  onChange: () => undefined,
  onFailure: () => undefined,
  exists: () => true,
  podIsGone: () => Promise.resolve(false),
  leadership: { leads: () => true, term: 0 },
};

/** What a call to the service brought back. */
export interface ServiceAnswer {
  status: number;
  body: unknown;
}

/** A lease service on a real API server, and what it is made of. */
export interface ServiceUnderTest {
  service: LeaseService;
  ledgers: Ledgers;
  configurations: Configurations;
  /** The replicas there are: this one, unless a test says more. */
  peers: Peers;
  clock: ShiftedClock;
  proxy: FaultProxy;
  /** What SAP would give; a test may replace it. */
  sap: { next: () => Promise<AccessToken> };
  outcomes: string[];
  logged: string[];
  /** Calls of known pods that got no answer, and events of ledgers. */
  refused: RefusedCall[];
  events: LedgerEvent[];
  authority: KeyPair;
  call: (path: string, body: unknown, token?: string) => Promise<ServiceAnswer>;
  /** Sends the end signal. */
  end(): void;
  stop(): Promise<void>;
}

/** Starts a service whose ledgers are in the given namespace. */
export async function startService(
  controlPlane: ControlPlaneAccess,
  { namespace }: { namespace: string },
): Promise<ServiceUnderTest> {
  const proxy = await startFaultProxy(controlPlane);
  const kube = new KubeClient(proxy.kubeConfig(), { fieldManager: 'test', wait: () => Promise.resolve() });
  const controller = new AbortController();
  const { signal } = controller;
  const clock = new ShiftedClock();
  const { seen, metrics, log, onEvent, onRefused } = recorders();
  const configurations = new Configurations({ clock });
  const ledgers = startLedgers({
    store: new LedgerStore({ kube, namespace }),
    clock,
    ...alone,
    onEvent,
    notices: configurations,
    signal,
  });
  const peers = new Peers({ own: { name: 'own', origin: 'https://127.0.0.1:1' }, clock });
  const sap: ServiceUnderTest['sap'] = { next: () => Promise.resolve(someToken(clock)) };
  const { authority, leaf } = await issue();
  const service = await startLeaseService({
    listen: { host: '127.0.0.1', port: 0 },
    certificates: leaf,
    kube,
    ledgers,
    configurationSource: configurations,
    homes: peers,
    tokens: { tokenFor: () => sap.next() },
    leaseSeconds: 300,
    clock,
    log,
    metrics,
    onRefused,
    signal,
  });
  const client = new Agent({ allowH2: false, connect: { ca: authority.certificate } });
  return {
    service,
    ledgers,
    configurations,
    peers,
    clock,
    proxy,
    sap,
    ...seen,
    authority,
    call: (path, body, token) => send({ client, port: service.port }, { path, body, token }),
    end: () => controller.abort(),
    stop: async () => {
      controller.abort();
      await client.destroy();
      await service.closed;
      await ledgers.stopped;
      await kube.close();
      await proxy.stop();
    },
  };
}

/** A CA and what it signs for 127.0.0.1. */
export async function issue(): Promise<{ authority: KeyPair; leaf: KeyPair }> {
  const now = new Date();
  const authority = await issueAuthority(now);
  return { authority, leaf: await issueLeaf(authority, { names: ['127.0.0.1'], now }) };
}

function someToken(clock: ShiftedClock): AccessToken {
  return { accessToken: randomBytes(24).toString('base64url'), expiresAtMs: clock.nowMs() + 3_600_000 };
}

function recorders() {
  const outcomes: string[] = [];
  const logged: string[] = [];
  const refused: RefusedCall[] = [];
  const events: LedgerEvent[] = [];
  const note = (fields: object, message: string): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`);
  };
  return {
    seen: { outcomes, logged, refused, events },
    onEvent: (_budget: BudgetRef, event: LedgerEvent) => events.push(event),
    onRefused: (call: RefusedCall) => refused.push(call),
    metrics: {
      answered: ({ call, outcome }: { call: string; outcome: string }) => outcomes.push(`${call} ${outcome}`),
    },
    log: { info: note, warn: note, error: note, debug: note },
  };
}

async function send(
  { client, port }: { client: Agent; port: number },
  { path, body, token }: { path: string; body: unknown; token: string | undefined },
): Promise<ServiceAnswer> {
  const answer = await request(`https://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    dispatcher: client,
  });
  const text = await answer.body.text();
  return { status: answer.statusCode, body: text === '' ? undefined : JSON.parse(text) };
}

/** A pod object on the API server, with a token bound to it. */
export interface TestPod {
  name: string;
  uid: string;
  token: string;
}

/** Makes a pod that no kubelet runs, and its token as its volume would have it. */
export async function makePod(
  controlPlane: ControlPlaneAccess,
  {
    namespace,
    name,
    labels = {},
    annotations = {},
  }: {
    namespace: string;
    name: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  },
): Promise<TestPod> {
  const { call } = controlPlane;
  const answer = await call({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/pods`,
    body: {
      metadata: { name, labels, annotations },
      spec: { containers: [{ name: 'app', image: 'app' }] },
    },
  });
  if (answer.status !== 201) throw new Error(`no pod: ${JSON.stringify(answer.body)}`);
  const uid = String(Object(Object(answer.body).metadata).uid);
  const pod = { name, uid };
  const token = await controlPlane.serviceAccountToken({ namespace, audience: 'sapai.eerly.ai', pod });
  return { ...pod, token };
}

/** Says as a kubelet would how far the pod is. */
export async function setPhase(
  { call }: ControlPlaneAccess,
  { namespace, name, phase }: { namespace: string; name: string; phase: string },
): Promise<void> {
  const answer = await call({
    method: 'PATCH',
    path: `/api/v1/namespaces/${namespace}/pods/${name}/status`,
    contentType: 'application/merge-patch+json',
    body: { status: { phase } },
  });
  if (answer.status !== 200) throw new Error(`phase not set: ${JSON.stringify(answer.body)}`);
}

/** An `open` as a sidecar sends it. */
export function openMessage(budget: string, ledgerUid: string, processId = '00000000000000aa'): object {
  const message = encodeMessage({ schema: schemaVersion, kind: 'open', budget, ledgerUid, processId });
  return Object(JSON.parse(message));
}

/** A first report as a sidecar sends it; amounts are text. */
export function reportMessage(budget: string, ledgerUid: string, more: object = {}): object {
  const figures = { spent: '0', overrun: '0', returned: '0', unknown: [] };
  return {
    schema: schemaVersion,
    kind: 'report',
    budget,
    ledgerUid,
    incarnation: 1,
    seq: 1,
    ...figures,
    ...more,
  };
}
