import { z } from 'zod';
import { budgetName, count, schemaVersion, uid } from './message-parts.ts';
import { unifiedMetering } from './unified-metering.ts';

/** Most budgets that one pod may spend from. */
const maxBudgets = 64;

/** Longest time, in seconds, that the operator lets a configuration poll wait. */
export const maxPollSeconds = 55;

const decimalText = z.string().regex(/^\d{1,12}(\.\d{1,18})?$/);

/** By budget, the number of the recall round that this pod is asked in; a later round has a greater number. */
const recallNumbers = z
  .record(budgetName, count)
  .refine((numbers) => Object.keys(numbers).length <= maxBudgets, 'has more budgets than a pod may name');

/** Origin of one replica of the operator. */
export const homeOrigin = z.string().regex(/^https:\/\/(\d+(\.\d+){3}|\[[0-9a-f:.]+\]):\d{1,5}$/);

export const configurationRequest = z.strictObject({
  schema: z.literal(schemaVersion),
  /** The `etag` of the configuration the sidecar runs with; the answer waits until it differs. */
  seen: z.string().max(128).optional(),
  /** The `recalls` it has heeded; the answer waits until there is another one. */
  recalls: recallNumbers.optional(),
  /** The `home` it was told last, empty for none; the answer waits until it is another one. Absent: it goes to none. */
  home: homeOrigin.or(z.literal('')).optional(),
  waitSeconds: z.int().min(0).max(maxPollSeconds),
});
export type ConfigurationRequest = z.infer<typeof configurationRequest>;

/** Rates of one model version: GenAI tokens per 1,000 model tokens, as decimal text. */
const rateTier = z.strictObject({
  /** Largest total input (tokens, cached ones included) this tier is for; absent: no limit. */
  upToInputTokens: z.int().min(1).optional(),
  input: decimalText,
  output: decimalText,
  cacheRead: decimalText.optional(),
});

const modelConfiguration = z.strictObject({
  model: z.string().max(128),
  version: z.string().max(64),
  executableId: z.string().max(64),
  isLatest: z.boolean(),
  /** Most tokens of input and output together. Absent: the model has no stated bound. */
  contextLength: z.int().min(1).optional(),
  /** Absent: nobody knows a rate, and the model is refused. Tiers in ascending order. */
  rates: z.array(rateTier).min(1).max(8).optional(),
});
export type ModelConfiguration = z.infer<typeof modelConfiguration>;
export type RateTier = z.infer<typeof rateTier>;

const deploymentConfiguration = z.strictObject({
  resourceGroup: z.string().max(253),
  /** The AI API's own object with every member, `deploymentUrl` not yet rewritten. */
  deployment: z.record(z.string(), z.unknown()),
  id: z.string().max(64),
  scenarioId: z.string().max(253),
  executableId: z.string().max(253),
  status: z.string().max(32),
  model: z.string().max(128).optional(),
  version: z.string().max(64).optional(),
});
export type DeploymentConfiguration = z.infer<typeof deploymentConfiguration>;

const readyBudget = z.strictObject({
  state: z.literal('ready'),
  namespace: z.string().max(63),
  budget: budgetName,
  ledger: z.strictObject({
    uid,
    name: z.string().max(253),
    period: z.strictObject({ name: z.string().max(32), startMs: count, endMs: count }),
  }),
  /** AI Core's origin with `/v2`, without a trailing slash. */
  apiUrl: z.url().max(2048),
  /** The first is the default. */
  resourceGroups: z.array(z.string().max(253)).min(1).max(50),
  deployments: z.array(deploymentConfiguration).max(1000),
  models: z.array(modelConfiguration).max(1000),
  /** CU per GenAI token by effective date (`YYYY-MM-DD`, 00:00 UTC), ascending. */
  factors: z
    .array(z.strictObject({ from: z.string().regex(/^\d{4}-\d{2}-\d{2}$/), factor: decimalText }))
    .min(1)
    .max(64),
  /** Rate card, its generation and a hash of the live rates: what an answer's price is traced by. */
  priceVersion: z.string().max(128),
  /** Glob patterns (`*` only) of models that may be called; empty: all. */
  allowedModels: z.array(z.string().max(128)).max(64),
  /** What SAP's unified metering is told where the client says nothing; absent: nothing. */
  unifiedMetering: unifiedMetering.optional(),
  /** `maximum` absent: the model's own. */
  outputTokens: z.strictObject({ maximum: z.int().min(1).optional(), minimum: z.int().min(1) }),
});

export const budgetConfiguration = z.discriminatedUnion('state', [
  readyBudget,
  z.strictObject({
    state: z.literal('unavailable'),
    namespace: z.string().max(63),
    budget: budgetName,
    /** The reason of the condition that says so, e.g. `BudgetNotFound`, `SecretNotFound`. */
    reason: z.string().max(128),
    message: z.string().max(1024),
  }),
]);
export type ReadyBudget = z.infer<typeof readyBudget>;
export type BudgetConfiguration = z.infer<typeof budgetConfiguration>;

export const configurationAnswer = z.strictObject({
  schema: z.literal(schemaVersion),
  etag: z.string().min(1).max(128),
  /** One entry for each budget this pod may spend from, the default first; none where only a recall is news. */
  budgets: z.array(budgetConfiguration).max(maxBudgets),
  /** What is idle of a budget whose number has not been heeded is returned at once, in a report that names the number. */
  recalls: recallNumbers.optional(),
  /** The replica that calls of this pod are sent to best, also those for leases and tokens; absent: any. */
  home: homeOrigin.optional(),
  /** The replica to call while the home does not answer; absent: any. */
  standIn: homeOrigin.optional(),
});
export type ConfigurationAnswer = z.infer<typeof configurationAnswer>;
