import { z } from 'zod';
import type { RateTier, ReadyBudget } from '../../accounting/configuration-messages.ts';
import { type LiveTier, parseLiveCost } from '../../accounting/live-cost.ts';
import type { Emulator } from '../../test/sap-emulator/emulator.ts';

const list = z.object({ resources: z.array(z.record(z.string(), z.unknown())) });
const modelEntry = z.object({
  model: z.string(),
  executableId: z.string(),
  versions: z.array(
    z.object({
      name: z.string(),
      isLatest: z.boolean(),
      contextLength: z.number().optional(),
      cost: z.unknown().optional(),
    }),
  ),
});
const deploymentEntry = z.object({
  id: z.string(),
  scenarioId: z.string(),
  executableId: z.string().optional(),
  status: z.string(),
  details: z.object({
    resources: z.record(
      z.string(),
      z.object({ model: z.object({ name: z.string(), version: z.string() }).optional() }),
    ),
  }),
});
const tokenEntry = z.object({ access_token: z.string(), expires_in: z.number() });

/** Gets an access token of the emulator's first tenant. */
export async function emulatorToken(
  emulator: Emulator,
): Promise<{ accessToken: string; expiresInSeconds: number }> {
  const { clientid, clientsecret, url } = emulator.serviceKey();
  const answer = await fetch(`${url}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientid,
      client_secret: clientsecret,
    }),
  });
  const token = tokenEntry.parse(await answer.json());
  return { accessToken: token.access_token, expiresInSeconds: token.expires_in };
}

/** A budget as an operator would describe it after reading the emulator's AI API. */
export async function budgetOf(emulator: Emulator, rest: Partial<ReadyBudget> = {}): Promise<ReadyBudget> {
  const { accessToken } = await emulatorToken(emulator);
  const read = async (path: string, group = 'default') => {
    const headers = { authorization: `Bearer ${accessToken}`, 'ai-resource-group': group };
    const answer = await fetch(`${emulator.url}/v2/lm/${path}`, { headers });
    return list.parse(await answer.json()).resources;
  };
  const models = (await read('scenarios/foundation-models/models')).map((entry) => modelEntry.parse(entry));
  const executables = new Map(models.map(({ model, executableId }) => [model, executableId]));
  const now = Date.now();
  return {
    state: 'ready',
    namespace: 'team-a',
    budget: 'chat',
    ledger: {
      uid: 'ledger-1',
      name: 'team-a.chat.2026-11',
      period: { name: '2026-11', startMs: now - 86_400_000, endMs: now + 86_400_000 },
    },
    apiUrl: `${emulator.url}/v2`,
    resourceGroups: ['default'],
    deployments: (await read('deployments')).map((deployment) => deploymentOf(deployment, executables)),
    models: models.flatMap(modelVersions),
    factors: [{ from: '2025-10-22', factor: '1.90385' }],
    priceVersion: 'default@1',
    allowedModels: [],
    outputTokens: { minimum: 16 },
    ...rest,
  };
}

function modelVersions({ model, executableId, versions }: z.infer<typeof modelEntry>): ReadyBudget['models'] {
  return versions.map(({ name, isLatest, contextLength, cost }) => {
    const rates = parseLiveCost(cost).flatMap(rateOf);
    return {
      model,
      version: name,
      executableId,
      isLatest,
      ...(contextLength !== undefined && { contextLength }),
      ...(rates.length > 0 && { rates }),
    };
  });
}

/** A tier, when it has both rates. */
function rateOf(tier: LiveTier): RateTier[] {
  const { input, output, upToInputTokens } = tier;
  if (input === undefined || output === undefined) return [];
  return [{ input, output, ...(upToInputTokens !== undefined && { upToInputTokens }) }];
}

function deploymentOf(
  deployment: Record<string, unknown>,
  executables: ReadonlyMap<string, string>,
): ReadyBudget['deployments'][number] {
  const { id, scenarioId, status, executableId, details } = deploymentEntry.parse(deployment);
  const model = Object.values(details.resources).find((entry) => entry.model !== undefined)?.model;
  const executable = executableId ?? executables.get(model?.name ?? '') ?? 'orchestration';
  return {
    resourceGroup: 'default',
    deployment,
    id,
    scenarioId,
    executableId: executable,
    status,
    ...(model !== undefined && { model: model.name, version: model.version }),
  };
}
