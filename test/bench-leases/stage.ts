import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import { KubeClient } from '../../operator/kube/client.ts';
import { pods } from '../../operator/kube/resource.ts';
import type { KubeObject } from '../../operator/kube/resource.ts';
import { eventually } from '../control-plane/eventually.ts';
import { budgetObjects } from '../world/budgets.ts';
import { operatorNamespace } from '../world/names.ts';
import { World } from '../world/world.ts';
import type { ClientFiles } from './orders.ts';

const budget = 'chat';
const audience = 'sapai.eerly.ai';
/** Pods that are made at once. */
const atOnce = 16;
const configMap = z.object({ data: z.object({ 'ca.crt': z.string() }) });
const ledgers = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({ cap: z.string(), settled: z.string(), outstanding: z.string(), held: z.string() }),
    }),
  ),
});

/** Figures of the ledger, CU as text. */
export type LedgerSums = z.infer<typeof ledgers>['items'][number]['spec'];

/** Control plane, operator and SAP's stand-in, one budget, and pods with tokens that spend from it. */
export class Stage {
  readonly world: World;
  readonly budget = budget;
  readonly #kube: KubeClient;
  readonly #namespace: string;
  readonly #dir: string;
  #caFile = '';

  private constructor(parts: { world: World; kube: KubeClient; namespace: string; dir: string }) {
    this.world = parts.world;
    this.#kube = parts.kube;
    this.#namespace = parts.namespace;
    this.#dir = parts.dir;
  }

  static async start(options: {
    limit: string;
    signal: AbortSignal;
    say: (line: string) => void;
  }): Promise<Stage> {
    const { limit, ...rest } = options;
    const world = await World.start(rest);
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(world.controlPlane.kubeconfigPath('admin'));
    const kube = new KubeClient(kubeConfig, { fieldManager: 'bench' });
    const namespace = await world.controlPlane.createNamespace({ prefix: 'bench' });
    // Journals lie in memory, as in a pod.
    const dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'bench-leases-'));
    const stage = new Stage({ world, kube, namespace, dir });
    await stage.setLimit(limit);
    await stage.#writeCa();
    return stage;
  }

  /** Applies the budget with this limit and waits until it can be spent from. */
  async setLimit(limit: string): Promise<void> {
    const { namespace, world } = { namespace: this.#namespace, world: this.world };
    await world.apply(...budgetObjects({ namespace, name: budget, limit, emulatorUrl: world.emulator.url }));
    await world.budgetCondition({ namespace, name: budget }, 'Ready', 'True');
    const probe = async (): Promise<true | undefined> =>
      (await this.ledger()).cap === limit ? true : undefined;
    await eventually(probe, { what: `a ledger with a cap of ${limit}`, timeoutMs: 30_000 });
  }

  /** Makes pods with a bound token each. */
  async makeClients(count: number): Promise<ClientFiles[]> {
    const files: ClientFiles[] = [];
    for (let made = 0; made < count; made += atOnce) {
      const next = Array.from({ length: Math.min(atOnce, count - made) }, (_, at) => made + at);
      files.push(...(await Promise.all(next.map((index) => this.#makeClient(index)))));
    }
    return files;
  }

  /** The same pods with empty journals, as after a restart. */
  async anew(clients: readonly ClientFiles[]): Promise<ClientFiles[]> {
    return Promise.all(
      clients.map(async (client) => {
        const journalDir = `${client.journalDir}-${randomBytes(4).toString('hex')}`;
        await mkdir(journalDir);
        return { ...client, journalDir };
      }),
    );
  }

  /** The sums of the one ledger, as they are stored. */
  async ledger(): Promise<LedgerSums> {
    const path = `/apis/sapai.eerly.ai/v1alpha1/namespaces/${operatorNamespace}/sapailedgers`;
    const { items } = ledgers.parse((await this.world.controlPlane.call({ path })).body);
    const [only] = items;
    if (only === undefined) throw new Error('there is no ledger yet');
    return only.spec;
  }

  /** The operator's metrics as Prometheus reads them. */
  async metrics(): Promise<string> {
    const answer = await fetch(`${this.world.operatorAdminUrl}/metrics`, {
      signal: AbortSignal.timeout(10_000),
    });
    return answer.text();
  }

  async stop(): Promise<void> {
    await this.#kube.close();
    await this.world.stop();
    await rm(this.#dir, { recursive: true, force: true });
  }

  async #makeClient(index: number): Promise<ClientFiles> {
    const [namespace, name] = [this.#namespace, `chat-7f9c8d6b5-${String(index).padStart(5, '0')}`];
    const metadata = { namespace, name, labels: { 'sapai.eerly.ai/budget': budget } };
    const spec = { containers: [{ name: 'app', image: 'app' }], automountServiceAccountToken: false };
    const { metadata: made } = await this.#kube.create<KubeObject>(pods, { metadata, spec });
    const { token } = await this.#kube.requestToken({
      namespace,
      serviceAccount: 'default',
      audiences: [audience],
      expirationSeconds: 7200,
      boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid: made.uid ?? '' },
    });
    const dir = join(this.#dir, name);
    const files = { tokenFile: join(dir, 'token'), caFile: this.#caFile, journalDir: join(dir, 'journal') };
    await mkdir(files.journalDir, { recursive: true });
    await writeFile(files.tokenFile, token, { mode: 0o600 });
    return files;
  }

  async #writeCa(): Promise<void> {
    const path = `/api/v1/namespaces/${operatorNamespace}/configmaps/sap-ai-budget-ca`;
    const { data } = configMap.parse((await this.world.controlPlane.call({ path })).body);
    this.#caFile = join(this.#dir, 'ca.crt');
    await writeFile(this.#caFile, data['ca.crt']);
  }
}
