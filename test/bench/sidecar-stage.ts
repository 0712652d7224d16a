import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ReadyBudget } from '../../accounting/configuration-messages.ts';
import { schemaVersion } from '../../accounting/message-parts.ts';
import type { TokenAnswer } from '../../accounting/messages.ts';
import { type OperatorFixture, startOperator } from '../../sidecar/testing/operator-fixture.ts';
import type { Shape } from './shapes.ts';

/** The secret half of the application's key. */
const appKey = 'app-key-of-the-bench-0123456789abcdef';
const model = 'gpt-4.1';
const version = '2025-04-14';

/** What the application shows; for every proxy, so that all requests are the same. */
export function authorizationFor(shape: Shape): string {
  return `Bearer ${shape}.${appKey}`;
}

/** An operator that grants leases from real ledgers; each shape has a budget, because each has a server behind it. */
export async function startBenchOperator(behind: Record<Shape, number>): Promise<OperatorFixture> {
  const budgets = [benchBudget('whole', behind.whole), benchBudget('stream', behind.stream)];
  return startOperator({ budgets, cap: '1000000000', sapToken });
}

async function sapToken(): Promise<TokenAnswer> {
  return { schema: schemaVersion, accessToken: sapLikeToken, expiresInSeconds: 43_199 };
}

/** As long as a token of SAP: about 1 KB. */
const sapLikeToken = 'bench'.repeat(200);

/** Settings of a sidecar as a pod has them, but for addresses. */
export async function sidecarSettings(options: {
  folder: string;
  journalFolder: string;
  operator: OperatorFixture;
  ports: { app: number; admin: number };
}): Promise<Record<string, string>> {
  const { folder, journalFolder, operator, ports } = options;
  const caFile = path.join(folder, 'ca.crt');
  const tokenFile = path.join(folder, 'token');
  await writeFile(caFile, operator.ca);
  await writeFile(tokenFile, operator.bearer);
  return {
    SAPAIBUDGET_LISTEN: `127.0.0.1:${ports.app}`,
    SAPAIBUDGET_ADMIN_LISTEN: `127.0.0.1:${ports.admin}`,
    SAPAIBUDGET_OPERATOR_URL: operator.url,
    SAPAIBUDGET_CA_FILE: caFile,
    SAPAIBUDGET_TOKEN_FILE: tokenFile,
    SAPAIBUDGET_JOURNAL_DIR: journalFolder,
    SAPAIBUDGET_APP_KEY: appKey,
  };
}

/** The budget of one shape, whose deployment is served on this port. */
export function benchBudget(shape: Shape, port: number): ReadyBudget {
  const now = Date.now();
  const dayMs = 86_400_000;
  return {
    state: 'ready',
    namespace: 'team-a',
    budget: shape,
    ledger: {
      uid: `ledger-${shape}`,
      name: `team-a.${shape}.bench`,
      period: { name: 'bench', startMs: now - dayMs, endMs: now + dayMs },
    },
    apiUrl: `http://127.0.0.1:${port}/v2`,
    resourceGroups: ['default'],
    deployments: [
      {
        resourceGroup: 'default',
        deployment: { id: shape },
        id: shape,
        scenarioId: 'foundation-models',
        executableId: 'azure-openai',
        status: 'RUNNING',
        model,
        version,
      },
    ],
    models: [
      {
        model,
        version,
        executableId: 'azure-openai',
        isLatest: true,
        contextLength: 1_047_576,
        rates: [{ input: '0.00112', output: '0.00416', cacheRead: '0.00032' }],
      },
    ],
    factors: [
      { from: '2024-12-19', factor: '2.24038' },
      { from: '2025-10-22', factor: '1.90385' },
    ],
    priceVersion: 'default@1',
    allowedModels: [],
    outputTokens: { maximum: 32_768, minimum: 64 },
  };
}
