import { randomUUID } from 'node:crypto';
import { installCustomResources } from '../../test/control-plane/custom-resources.ts';
import { startControlPlane } from '../../test/control-plane/start.ts';
import type { ControlPlane } from '../../test/control-plane/start.ts';
import { startEmulator } from '../../test/sap-emulator/emulator.ts';
import type { Emulator, EmulatorOptions } from '../../test/sap-emulator/emulator.ts';
import type { ServiceKey } from '../../test/sap-emulator/service-key.ts';
import { startFixture } from './operator-fixture.ts';
import type { BudgetSpecInput, OperatorFixture } from './operator-fixture.ts';
import { podCalls } from './sidecar-calls.ts';
import type { PodCalls } from './sidecar-calls.ts';

/** The least a budget says. */
export const plainSpec: BudgetSpecInput = {
  aiCore: { serviceKeySecretRef: { name: 'aicore-key' } },
  monthlyLimit: '2500',
};
/** What a test waits for before it begins. */
export const ready = { type: 'Ready', status: 'True', reason: 'Ready' } as const;

/** A control plane of its own with an operator, because an operator looks after every budget of a cluster. */
export interface BudgetWorld {
  controlPlane: ControlPlane;
  fixture: OperatorFixture;
  emulate: (options?: EmulatorOptions) => Promise<Emulator>;
  /** A budget `main` in a namespace of its own, with an emulator of its own. */
  readyBudget: (spec?: Partial<BudgetSpecInput>) => Promise<ReadyBudget>;
  /** A pod of that namespace that names the budget `main`. */
  pod: (namespace: string) => Promise<PodCalls>;
  /** Another operator in place of the first, which stops in order; `fixture` is its. */
  restartOperator: () => Promise<void>;
  stop: () => Promise<void>;
}

export interface ReadyBudget {
  namespace: string;
  emulator: Emulator;
  key: ServiceKey;
}

/** A key of a subscription of its own: budgets that share one get into each other's way. */
export function keyOf(emulator: Emulator): ServiceKey {
  return { ...emulator.serviceKey(), identityzoneid: randomUUID() };
}

/** The uid of the ledger a pod is told to spend from. */
export async function ledgerOf(pod: PodCalls): Promise<string> {
  const budget = await pod.budget();
  if (budget.state !== 'ready') throw new Error(`not ready: ${budget.reason}`);
  return budget.ledger.uid;
}

/** Starts everything; resolves when the operator serves sidecars. */
export async function startBudgetWorld(): Promise<BudgetWorld> {
  const controlPlane = await startControlPlane();
  await installCustomResources(controlPlane);
  const ends: (() => Promise<void>)[] = [];
  const world: BudgetWorld = {
    controlPlane,
    fixture: await startFixture(controlPlane),
    emulate: async (options) => {
      const emulator = await startEmulator(options);
      ends.push(() => emulator.close());
      return emulator;
    },
    readyBudget: async (spec) => {
      const emulator = await world.emulate();
      const namespace = await world.fixture.createNamespace();
      const key = keyOf(emulator);
      await world.fixture.putSecret(namespace, { key: JSON.stringify(key) });
      await world.fixture.putBudget(namespace, { ...plainSpec, ...spec });
      await world.fixture.condition(namespace, ready);
      return { namespace, emulator, key };
    },
    pod: async (namespace) => {
      const calls = await podCalls(world.fixture, { controlPlane, namespace });
      ends.push(() => calls.close());
      return calls;
    },
    restartOperator: async () => {
      const { namespace, stop } = world.fixture;
      await stop();
      world.fixture = await startFixture(controlPlane, { namespace });
    },
    stop: async () => {
      await world.fixture.stop();
      for (const end of ends) await end();
      await controlPlane.stop();
    },
  };
  return world;
}
