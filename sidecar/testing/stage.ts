import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import type { ReadyBudget } from '../../accounting/configuration-messages.ts';
import { schemaVersion } from '../../accounting/message-parts.ts';
import { type Emulator, startEmulator } from '../../test/sap-emulator/emulator.ts';
import { readConfig } from '../config.ts';
import { type Sidecar, startSidecar } from '../sidecar.ts';
import { budgetOf, emulatorToken } from './budget.ts';
import { type OperatorFixture, startOperator } from './operator-fixture.ts';

/** The app key of the pod under test. */
export const appKey = 'app-key-of-the-pod-under-test-0123456789';

/** A sidecar between a client and the emulator, with an operator that grants from one ledger. */
export interface Stage {
  readonly emulator: Emulator;
  readonly operator: OperatorFixture;
  readonly budget: ReadyBudget;
  readonly folder: string;
  sidecar: Sidecar;
  /** Ends the sidecar and starts another one on the same journal. */
  restart(): Promise<void>;
  /** A chat completion of gpt-4o-mini with this text and these further members of the body. */
  chat(text: string, rest?: Record<string, unknown>, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

export interface StageOptions {
  cap?: string;
  budget?: Partial<ReadyBudget>;
  env?: Record<string, string>;
  emulator?: Parameters<typeof startEmulator>[0];
}

/** Deployment of gpt-4o-mini in the emulator's standard catalogue. */
export const miniDeployment = 'd000000000000003';

/** Starts everything on free ports of loopback. */
export async function startStage({
  cap = '10',
  budget: rest = {},
  env = {},
  emulator: options = {},
}: StageOptions = {}): Promise<Stage> {
  const emulator = await startEmulator(options);
  const budget = await budgetOf(emulator, rest);
  const sapToken = async () => ({ schema: schemaVersion, ...(await emulatorToken(emulator)) }) as const;
  const operator = await startOperator({ budgets: [budget], cap, sapToken });
  const folder = await mkdtemp(path.join(tmpdir(), 'sidecar-'));
  await writeFile(path.join(folder, 'ca.crt'), operator.ca);
  await writeFile(path.join(folder, 'token'), operator.bearer);
  const start = () => startOn(folder, operator.url, env);
  const stage: Stage = {
    emulator,
    operator,
    budget,
    folder,
    sidecar: await start(),
    restart: async () => {
      await stage.sidecar.close();
      stage.sidecar = await start();
    },
    chat: (text, body = {}, init = {}) =>
      fetch(
        `${stage.sidecar.origin}/v2/inference/deployments/${miniDeployment}/chat/completions?api-version=2024-10-21`,
        {
          method: 'POST',
          headers: { authorization: `Bearer chat.${appKey}`, 'content-type': 'application/json' },
          body: JSON.stringify({ messages: [{ role: 'user', content: text }], ...body }),
          ...init,
        },
      ),
    close: async () => {
      await stage.sidecar.close();
      await operator.close();
      await emulator.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await until(async () => (await fetch(`${stage.sidecar.adminOrigin}/readyz`)).ok);
  return stage;
}

/** Settings of a sidecar under test: free ports, short times. */
export function sidecarEnv(folder: string, operatorUrl: string): Record<string, string> {
  return {
    SAPAIBUDGET_LISTEN: '127.0.0.1:0',
    SAPAIBUDGET_ADMIN_LISTEN: '127.0.0.1:0',
    SAPAIBUDGET_OPERATOR_URL: operatorUrl,
    SAPAIBUDGET_CA_FILE: path.join(folder, 'ca.crt'),
    SAPAIBUDGET_TOKEN_FILE: path.join(folder, 'token'),
    SAPAIBUDGET_JOURNAL_DIR: path.join(folder, 'journal'),
    SAPAIBUDGET_APP_KEY: appKey,
    SAPAIBUDGET_REPORT_SECONDS: '0.05',
    SAPAIBUDGET_WAIT_SECONDS: '2',
    SAPAIBUDGET_DRAIN_SECONDS: '1',
  };
}

function startOn(folder: string, operatorUrl: string, env: Record<string, string>): Promise<Sidecar> {
  const config = readConfig({ ...sidecarEnv(folder, operatorUrl), ...env });
  return startSidecar(config, { log: pino({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent' }) });
}

/** Waits until a condition holds; fails after some seconds. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 8000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`not so after ${timeoutMs} ms: ${condition.toString()}`);
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 10);
    await promise;
  }
}
