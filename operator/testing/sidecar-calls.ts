import { randomBytes } from 'node:crypto';
import { Agent, request } from 'undici';
import type { ControlPlaneAccess } from '../../test/control-plane/access.ts';
import {
  type BudgetConfiguration,
  type ConfigurationAnswer,
  configurationAnswer,
} from '../../accounting/configuration-messages.ts';
import { schemaVersion } from '../../accounting/message-parts.ts';
import {
  type LeaseAnswer,
  type LeaseRequest,
  encodeMessage,
  leaseAnswer,
  tokenAnswer,
} from '../../accounting/messages.ts';
import { authorityConfigMapName } from '../certificates/ensure.ts';
import { configMaps, pods } from '../kube/resource.ts';
import type { KubeObject } from '../kube/resource.ts';
import { tokenAudience } from '../lease-service/authenticate.ts';
import type { OperatorFixture } from './operator-fixture.ts';

/** A pod that exists in the API server only, and the calls its sidecar would make. */
export interface PodCalls {
  configuration: (options?: { seen?: string; waitSeconds?: number }) => Promise<ConfigurationAnswer>;
  /** The configuration of the pod's only budget. */
  budget: () => Promise<BudgetConfiguration>;
  /** Status and body, whatever they are. */
  token: (lease: { ledgerUid: string; incarnation: number }) => Promise<{ status: number; body: unknown }>;
  lease: (request: LeaseRequest) => Promise<LeaseAnswer>;
  close: () => Promise<void>;
}

/** Creates a pod that names the budget `main`, and speaks for it. */
export async function podCalls(
  { kube, operator, namespace: operatorNamespace }: Pick<OperatorFixture, 'kube' | 'operator' | 'namespace'>,
  { controlPlane, namespace }: { controlPlane: ControlPlaneAccess; namespace: string },
): Promise<PodCalls> {
  const name = `app-${randomBytes(4).toString('hex')}`;
  const labels = { 'sapai.eerly.ai/budget': 'main' };
  const spec = { containers: [{ name: 'app', image: 'example.invalid/app' }] };
  const pod = await kube.create<KubeObject>(pods, { metadata: { namespace, name, labels }, spec });
  const uid = pod.metadata.uid ?? '';
  const bearer = await controlPlane.serviceAccountToken({
    namespace,
    audience: tokenAudience,
    pod: { name, uid },
  });
  const map = await kube.get<KubeObject & { data?: Record<string, string> }>(configMaps, {
    namespace: operatorNamespace,
    name: authorityConfigMapName,
  });
  const agent = new Agent({
    allowH2: false,
    connect: { ca: map?.data?.['ca.crt'] ?? '', servername: 'localhost' },
  });
  const call = async (path: string, body: string): Promise<{ status: number; body: unknown }> => {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
    const url = `https://127.0.0.1:${operator.port}${path}`;
    const answer = await request(url, { method: 'POST', headers, body, dispatcher: agent });
    return { status: answer.statusCode, body: await answer.body.json() };
  };
  const configuration: PodCalls['configuration'] = async ({ waitSeconds = 0, ...rest } = {}) => {
    const answer = await call(
      '/v1/configuration',
      encodeMessage({ schema: schemaVersion, waitSeconds, ...rest }),
    );
    return configurationAnswer.parse(answer.body);
  };
  return {
    configuration,
    budget: async () => {
      const [only, ...others] = (await configuration()).budgets;
      if (only === undefined || others.length > 0) throw new Error('the pod should have one budget');
      return only;
    },
    token: async (lease) => {
      const answer = await call(
        '/v1/token',
        encodeMessage({ schema: schemaVersion, budget: 'main', ...lease }),
      );
      if (answer.status === 200) tokenAnswer.parse(answer.body);
      return answer;
    },
    lease: async (message) => leaseAnswer.parse((await call('/v1/lease', encodeMessage(message))).body),
    close: () => agent.close(),
  };
}

/** An `open` of a new process, and a first report of nothing that asks for `amount` nano-CU. */
export async function takeLease(
  calls: PodCalls,
  { ledgerUid, amount }: { ledgerUid: string; amount: bigint },
): Promise<{ incarnation: number }> {
  const common = { schema: schemaVersion, budget: 'main', ledgerUid } as const;
  const opened = await calls.lease({ ...common, kind: 'open', processId: randomBytes(8).toString('hex') });
  if (opened.kind !== 'opened') throw new Error(`not opened: ${JSON.stringify(opened, showBigints)}`);
  const figures = { spent: 0n, overrun: 0n, returned: 0n, unknown: [] };
  const reported = await calls.lease({
    ...common,
    ...figures,
    kind: 'report',
    incarnation: opened.incarnation,
    seq: opened.seq + 1,
    ask: { need: amount, want: amount },
  });
  if (reported.kind !== 'reported' || reported.row.granted < amount)
    throw new Error(`not granted: ${JSON.stringify(reported, showBigints)}`);
  return { incarnation: opened.incarnation };
}

function showBigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
