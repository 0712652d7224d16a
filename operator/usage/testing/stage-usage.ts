import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { parseAmount } from '../../../accounting/amount.ts';
import { schemaVersion } from '../../../accounting/message-parts.ts';
import type { LeaseRequest } from '../../../accounting/messages.ts';
import type { SapAiStatement, SapAiStatementStatus } from '../../../crds/statement.ts';
import { eventually } from '../../../test/control-plane/eventually.ts';
import type { Emulator, EmulatorOptions } from '../../../test/sap-emulator/emulator.ts';
import { ask, connect } from '../../../test/sap-emulator/test-client.ts';
import { budgets as budgetResource } from '../../budget/resources.ts';
import type { KubeObject } from '../../kube/resource.ts';
import { keyOf, ledgerOf, plainSpec, ready } from '../../testing/budget-world.ts';
import type { BudgetWorld } from '../../testing/budget-world.ts';
import type { BudgetSpecInput } from '../../testing/operator-fixture.ts';
import { takeLease } from '../../testing/sidecar-calls.ts';
import { statementResource } from '../statement-store.ts';
import type { Subscription } from '../usage-board.ts';

/** The day it is (UTC). */
export const today = new Date().toISOString().slice(0, 10);
/** The month it is. */
export const month = today.slice(0, 7);
const year = Number(today.slice(0, 4));
const model = { model: 'gpt-4o-mini', version: '2024-07-18' };

/** A budget with its emulator. */
export interface Scene {
  namespace: string;
  emulator: Emulator;
  subaccountId: string;
}

/** What is other than usual. */
export interface SceneOptions {
  emulator?: EmulatorOptions;
  spec?: Partial<BudgetSpecInput>;
  /** In place of the right keys. */
  secrets?: (emulator: Emulator) => Partial<Record<'usage-key' | 'sm-key', unknown>>;
}

/** A budget that names where usage is read; `secrets` replaces what would be right. */
export async function stageUsage(
  world: BudgetWorld,
  { emulator: options, spec = {}, secrets = () => ({}) }: SceneOptions = {},
): Promise<Scene> {
  const emulator = await world.emulate(options);
  const namespace = await world.fixture.createNamespace();
  const keys = {
    'aicore-key': keyOf(emulator),
    'usage-key': emulator.usageKey(),
    'sm-key': emulator.serviceManagerKey(),
    ...secrets(emulator),
  };
  for (const [name, key] of Object.entries(keys))
    await world.fixture.putSecret(namespace, { key: JSON.stringify(key) }, name);
  const subaccountId = emulator.serviceKey().identityzoneid;
  await world.fixture.putBudget(namespace, {
    ...plainSpec,
    usage: { serviceKeySecretRef: { name: 'usage-key' }, subaccountId },
    serviceManager: { serviceKeySecretRef: { name: 'sm-key' } },
    purchased: [{ capacityUnits: '1000', from: `${year}-01-01`, until: `${year + 1}-01-01` }],
    ...spec,
  });
  await world.fixture.condition(namespace, ready);
  return { namespace, emulator, subaccountId };
}

/** Asks for a poll as a person would. */
export async function pollNow({ fixture }: BudgetWorld, namespace: string): Promise<void> {
  const annotations = { 'sapai.eerly.ai/poll-usage': randomUUID() };
  await fixture.kube.mergePatch(budgetResource, { metadata: { annotations } }, { namespace, name: 'main' });
}

/** What a pod of the budget meters, told by its reports as a sidecar would. */
export async function meter({ pod }: BudgetWorld, namespace: string, spent: string): Promise<void> {
  const calls = await pod(namespace);
  const ledgerUid = await ledgerOf(calls);
  const { incarnation } = await takeLease(calls, { ledgerUid, amount: 10n ** 9n });
  const usage = [{ day: today, ...model, input: 100, cacheRead: 20, output: 30, spent: parseAmount(spent) }];
  const report: LeaseRequest = {
    schema: schemaVersion,
    kind: 'report',
    budget: 'main',
    ledgerUid,
    incarnation,
    seq: 2,
    spent: parseAmount(spent),
    overrun: 0n,
    returned: 0n,
    unknown: [],
    usage,
  };
  // Repeated, as after a lost answer: it must count once.
  for (const message of [report, report])
    expect(await calls.lease(message)).toMatchObject({ kind: 'reported' });
}

/** A call past the sidecar; resolves to all that was billed so far, as SAP's figures are shown. */
export async function bypass(emulator: Emulator): Promise<string> {
  await (await (await connect(emulator)).chat(ask('past the sidecar [[out=50]]'))).text();
  return billedBy(emulator);
}

type Stored = SapAiStatement & KubeObject;
type Told = Stored & { status: SapAiStatementStatus };

/** The statement of this month; fails where there is none. */
export async function statement({ fixture }: BudgetWorld, namespace: string): Promise<Told> {
  const stored = await fixture.kube.get<Stored>(statementResource, { namespace, name: `main-${month}` });
  if (stored?.status === undefined) throw new Error(`no statement main-${month} with a status`);
  return { ...stored, status: stored.status };
}

/** Waits until the budget's subscription is as wanted. */
export function subscription(
  { fixture }: BudgetWorld,
  namespace: string,
  wanted: Record<string, string>,
): Promise<Subscription> {
  return eventually(
    async () => {
      const found = (await fixture.budget(namespace))?.status?.subscription;
      const same = Object.entries(wanted).every(([key, value]) => Reflect.get(found ?? {}, key) === value);
      return found !== undefined && same ? found : undefined;
    },
    { what: `a subscription ${JSON.stringify(wanted)}`, timeoutMs: 30_000, intervalMs: 100 },
  );
}

/** All that an emulator billed, as SAP's figures are shown. */
export function billedBy(emulator: Emulator): string {
  return nano(emulator.books.read().totals.capacityUnits);
}

/** As SAP's figures are shown: rounded to nano-CU. */
function nano(cu: string): string {
  const [whole = '0', part = ''] = cu.split('.');
  const atto = BigInt(whole + part.padEnd(18, '0').slice(0, 18));
  const rounded = (atto + 500_000_000n) / 1_000_000_000n;
  const digits = rounded.toString().padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return fraction === '' ? digits.slice(0, -9) : `${digits.slice(0, -9)}.${fraction}`;
}
