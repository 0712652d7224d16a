import { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { SapAiBudget, sapAiBudget } from '../../crds/budget.ts';
import type { ControlPlaneAccess } from '../../test/control-plane/access.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { budgets as budgetResource } from '../budget/resources.ts';
import { readConfig } from '../config.ts';
import { KubeClient } from '../kube/client.ts';
import { secrets } from '../kube/resource.ts';
import type { KubeObject } from '../kube/resource.ts';
import { createLog } from '../log.ts';
import { startOperator } from '../operator.ts';
import type { Operator } from '../operator.ts';

/** Times short enough for a test: AI Core is read again after a second. */
const settings = {
  SAPAIBUDGET_LISTEN: '127.0.0.1:0',
  SAPAIBUDGET_ADMIN_LISTEN: '127.0.0.1:0',
  SAPAIBUDGET_ADVERTISED_NAMES: 'localhost,127.0.0.1',
  SAPAIBUDGET_REFRESH_SECONDS: '1',
  SAPAIBUDGET_LOG_LEVEL: 'debug',
};

/** A budget's spec as a person writes it. */
export type BudgetSpecInput = z.input<typeof sapAiBudget>['spec'];
type StoredBudget = SapAiBudget & KubeObject;
type Condition = NonNullable<NonNullable<SapAiBudget['status']>['conditions']>[number];

/** An operator in this process, and what tests do with its cluster. */
export interface OperatorFixture {
  operator: Operator;
  kube: KubeClient;
  /** Namespace of the operator. */
  namespace: string;
  /** Everything that was logged. */
  logged: string[];
  /** A namespace of its own for budgets. */
  createNamespace: () => Promise<string>;
  putSecret: (namespace: string, data: Record<string, string>, name?: string) => Promise<void>;
  putBudget: (namespace: string, spec: BudgetSpecInput, name?: string) => Promise<void>;
  budget: (namespace: string, name?: string) => Promise<StoredBudget | undefined>;
  /** Waits until a condition has this status and reason; gives it, or fails with what there was instead. */
  condition: (namespace: string, wanted: WantedCondition) => Promise<Condition>;
  stop: () => Promise<void>;
}

/** What a test waits for. */
export interface WantedCondition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  name?: string;
}

/** Starts an operator on a control plane that has the CRDs. */
export async function startFixture(
  controlPlane: ControlPlaneAccess,
  { namespace: given, env = {} }: { namespace?: string; env?: Record<string, string> } = {},
): Promise<OperatorFixture> {
  const namespace = given ?? (await controlPlane.createNamespace({ prefix: 'operator' }));
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(controlPlane.kubeconfigPath('admin'));
  const stop = new AbortController();
  const { log, logged } = collectingLog();
  const config = readConfig({ ...settings, SAPAIBUDGET_NAMESPACE: namespace, ...env });
  const operator = await startOperator({ config, kubeConfig, log, version: 'test', signal: stop.signal });
  const kube = new KubeClient(kubeConfig, { fieldManager: 'test' });
  return {
    operator,
    kube,
    namespace,
    logged,
    createNamespace: () => controlPlane.createNamespace({ prefix: 'budget' }),
    putSecret: async (inNamespace, data, name = 'aicore-key') => {
      const encoded = Object.entries(data).map(([key, value]) => [
        key,
        Buffer.from(value).toString('base64'),
      ]);
      const metadata = { namespace: inNamespace, name };
      await kube.apply(secrets, { metadata, data: Object.fromEntries(encoded) });
    },
    putBudget: async (inNamespace, spec, name = 'main') => {
      await kube.apply(budgetResource, { metadata: { namespace: inNamespace, name }, spec });
    },
    budget: (inNamespace, name = 'main') =>
      kube.get<StoredBudget>(budgetResource, { namespace: inNamespace, name }),
    condition: (inNamespace, wanted) => waitForCondition(kube, inNamespace, wanted),
    stop: async () => {
      stop.abort();
      await operator.stopped;
      await kube.close();
    },
  };
}

async function waitForCondition(
  kube: KubeClient,
  namespace: string,
  { type, status, reason, name = 'main' }: WantedCondition,
): Promise<Condition> {
  let last: SapAiBudget['status'];
  try {
    return await eventually(
      async () => {
        const budget = await kube.get<StoredBudget>(budgetResource, { namespace, name });
        last = budget?.status;
        return last?.conditions?.find(
          (one) => one.type === type && one.status === status && one.reason === reason,
        );
      },
      { what: `${type}=${status} ${reason}`, timeoutMs: 30_000, intervalMs: 100 },
    );
  } catch (cause) {
    throw new Error(`no ${type}=${status} ${reason}; there was ${JSON.stringify(last, null, 1)}`, { cause });
  }
}

function collectingLog(): { log: Logger; logged: string[] } {
  const logged: string[] = [];
  return { log: createLog('debug', { write: (line) => logged.push(line) }), logged };
}
