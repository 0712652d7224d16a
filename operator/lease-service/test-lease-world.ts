import { afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { SapAiLedger } from '../../crds/ledger.ts';
import type { ControlPlaneAccess } from '../../test/control-plane/access.ts';
import { installCustomResources } from '../../test/control-plane/custom-resources.ts';
import { sharedControlPlane } from '../../test/control-plane/fixture.ts';
import type { LedgerSnapshot } from '../ledger/ledger-snapshot.ts';
import { need, storedLedger } from '../ledger/test-ledgers.ts';
import { makePod, startService } from './test-service.ts';
import type { ServiceAnswer, ServiceUnderTest, TestPod } from './test-service.ts';

/** The label that names a pod's budget. */
export const label = 'sapai.eerly.ai/budget';
/** What a pod that spends from the budget `chat` is labelled with. */
export const spending = { labels: { [label]: 'chat' } };

/** An answer with that status and reason. */
export function refusedWith(status: number, reason: string, message: unknown = expect.any(String)): object {
  return { status, body: { error: { reason, message } } };
}

/** A call with the token of a pod. */
type HolderCall = (path: string, body: unknown) => Promise<ServiceAnswer>;

/** For each test of a file a service, a namespace for its ledgers and one for pods. */
export class LeaseWorld {
  readonly controlPlane: ControlPlaneAccess = sharedControlPlane();
  operatorNamespace = '';
  namespace = '';
  #running: ServiceUnderTest | undefined;
  #more: ServiceUnderTest[] = [];

  /** Ties a world to the tests of the file that calls this. */
  static forFile(): LeaseWorld {
    const world = new LeaseWorld();
    beforeAll(() => installCustomResources(world.controlPlane));
    beforeEach(() => world.#begin());
    afterEach(() => world.#end());
    return world;
  }

  get running(): ServiceUnderTest {
    if (this.#running === undefined) throw new Error('no service runs');
    return this.#running;
  }

  /** Another service on the same ledgers, as after a restart. */
  async startAnother(): Promise<ServiceUnderTest> {
    const service = await startService(this.controlPlane, { namespace: this.operatorNamespace });
    this.#more.push(service);
    return service;
  }

  /** A budget's ledger with that many CU. */
  ledger(name: string, cap: string, of = this.running): Promise<LedgerSnapshot> {
    const { signal } = new AbortController();
    return of.ledgers.ensureLedger(need(cap, { budget: { namespace: this.namespace, name } }), { signal });
  }

  /** A pod in the namespace of the budgets. */
  pod(
    name: string,
    more: { labels?: Record<string, string>; annotations?: Record<string, string> } = {},
  ): Promise<TestPod> {
    return makePod(this.controlPlane, { namespace: this.namespace, name, ...more });
  }

  /** A pod that spends from a budget of ten CU. */
  async holder(): Promise<{ uid: string; name: string; pod: TestPod; call: HolderCall }> {
    const { uid, name } = await this.ledger('chat', '10');
    const pod = await this.pod('app', spending);
    return { uid, name, pod, call: (path, body) => this.running.call(path, body, pod.token) };
  }

  /** A ledger as it is stored. */
  stored(name: string): Promise<SapAiLedger> {
    return storedLedger({ controlPlane: this.controlPlane, namespace: this.operatorNamespace }, name);
  }

  async #begin(): Promise<void> {
    this.operatorNamespace = await this.controlPlane.createNamespace({ prefix: 'operator' });
    this.namespace = await this.controlPlane.createNamespace({ prefix: 'team' });
    this.#running = await startService(this.controlPlane, { namespace: this.operatorNamespace });
  }

  async #end(): Promise<void> {
    const services = [this.running, ...this.#more.splice(0)];
    await Promise.all(services.map((service) => service.stop()));
    for (const name of [this.operatorNamespace, this.namespace])
      await this.controlPlane.call({ method: 'DELETE', path: `/api/v1/namespaces/${name}` });
  }
}
