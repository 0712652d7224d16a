import { parseStored, StoredObjectError } from '../../crds/parse.ts';
import { LedgerTextError } from '../../accounting/entries-text.ts';
import { sapAiBudget } from '../../crds/budget.ts';
import type { SapAiBudget } from '../../crds/budget.ts';
import { backOffMs } from '../kube/clock.ts';
import type { Observation } from '../kube/conditions.ts';
import type { Outcome } from '../kube/controller.ts';
import { SapError } from '../sap/sap-error.ts';
import { fingerprint } from '../sap/service-key.ts';
import type { ServiceKey } from '../sap/service-key.ts';
import { checkEntitlement } from './entitlement.ts';
import { observeUsage } from './observe-usage.ts';
import { releaseSecrets, resolveKey } from './resolve-key.ts';
import type { KeyProblem } from './resolve-key.ts';
import type { UsageReport } from './usage-board.ts';
import type { UsageMemory, UsageServices } from './usage-services.ts';

/** Whatever new value this annotation gets: usage is polled now. */
export const pollAnnotation = 'sapai.eerly.ai/poll-usage';

/** First wait after a poll that failed; doubles up to the interval. */
const firstRetryMs = 30_000;
/** Without `usage` the entitlement alone is looked at, this often. */
const standardIntervalSeconds = 10_800;
/** A Secret that may not be read is tried again: a grant of rights is no event that is seen. */
const forbiddenAfterMs = 30_000;

/** How soon a ledger is looked for again. */
const ledgerAfterMs = 1_000;

interface Polled {
  budget: SapAiBudget;
  usage: ServiceKey | KeyProblem | undefined;
  serviceManager: ServiceKey | KeyProblem | undefined;
}

/** Polls one budget's usage and entitlement if it is time, and reports what was found. */
export async function reconcileUsage(
  key: string,
  {
    services,
    memories,
    signal,
  }: { services: UsageServices; memories: Map<string, UsageMemory>; signal: AbortSignal },
): Promise<Outcome> {
  const stored = services.budgets.get(key);
  const budget = stored && parseStored(sapAiBudget, stored);
  if (budget === undefined || !isPolled(budget)) {
    releaseSecrets(services, key);
    services.board.forget(key);
    memories.delete(key);
    return { state: 'done' };
  }
  // A statement needs the period's ledger, which is opened without SAP: it is a matter of moments.
  if (budget.status?.ledgerName === undefined) return { state: 'done', requeueAfterMs: ledgerAfterMs };
  const memory = memories.get(key) ?? newMemory(budget);
  memories.set(key, memory);
  const keys = await resolveKeys(services, budget, signal);
  const waitMs = untilDue(memory, keys, services.clock.nowMs());
  if (waitMs > 0) return { state: 'done', requeueAfterMs: waitMs };
  return poll(services, keys, { memory, signal });
}

function isPolled({ metadata, spec }: SapAiBudget): boolean {
  return metadata.deletionTimestamp === undefined && (spec.usage ?? spec.serviceManager) !== undefined;
}

async function resolveKeys(
  services: UsageServices,
  budget: SapAiBudget,
  signal: AbortSignal,
): Promise<Polled> {
  const resolve = (service: 'usage' | 'serviceManager'): Promise<Polled['usage']> => {
    const ref = budget.spec[service]?.serviceKeySecretRef;
    return ref ? resolveKey(services, { budget, service, ref, signal }) : Promise.resolve(undefined);
  };
  return { budget, usage: await resolve('usage'), serviceManager: await resolve('serviceManager') };
}

/** A process that was just started goes by what the status remembers, so that a restart asks SAP nothing. */
function newMemory({ metadata, spec, status }: SapAiBudget): UsageMemory {
  const { observedGeneration, subscription } = status ?? {};
  const known = subscription !== undefined && observedGeneration === metadata.generation;
  const nextMs = known ? Date.parse(subscription.polledAt) + intervalMs(spec) : 0;
  return { asked: metadata.annotations?.[pollAnnotation], nextMs, failures: 0, finalMonths: new Map() };
}

function untilDue(memory: UsageMemory, keys: Polled, nowMs: number): number {
  const source = sourceOf(keys);
  const asked = keys.budget.metadata.annotations?.[pollAnnotation];
  const changed = memory.source !== undefined && memory.source !== source;
  if (changed) memory.finalMonths.clear();
  const now = changed || asked !== memory.asked;
  memory.source = source;
  memory.asked = asked;
  return now ? 0 : memory.nextMs - nowMs;
}

/** What a poll depends on: other keys or settings are reason for another one. */
function sourceOf({ budget: { spec }, usage, serviceManager }: Polled): string {
  const keys = [usage, serviceManager].map((key) => (key && 'clientId' in key ? fingerprint(key) : key));
  return JSON.stringify([spec.usage, spec.serviceManager, spec.purchased, spec.period, ...keys]);
}

async function poll(
  services: UsageServices,
  { budget, usage, serviceManager }: Polled,
  { memory, signal }: { memory: UsageMemory; signal: AbortSignal },
): Promise<Outcome> {
  const subaccountId = budget.spec.usage?.subaccountId ?? '';
  const startedMs = services.clock.nowMs();
  const reports = [
    await observe('UsageSynced', usage, (key) =>
      observeUsage(services, { budget, subaccountId, key, memory, signal }),
    ),
    await observe('Entitled', serviceManager, async (key) => {
      const { broker, dispatcher } = services;
      return { entitled: await checkEntitlement({ key, broker, dispatcher }, signal) };
    }),
  ];
  const { namespace, name } = budget.metadata;
  const budgetKey = `${namespace}/${name}`;
  for (const { report } of reports) services.board.report(budgetKey, report);
  services.onReport(budgetKey);
  const result = reports.some(({ failed }) => failed) ? 'failed' : 'ok';
  services.onPoll?.({ result, durationMs: Math.max(0, services.clock.nowMs() - startedMs) });
  const waitMs = schedule(memory, budget, reports);
  memory.nextMs = services.clock.nowMs() + waitMs;
  return { state: 'done', requeueAfterMs: waitMs };
}

interface Observed {
  report: UsageReport;
  /** When to try again, in ms; undefined: at the interval. */
  retryMs?: number | undefined;
  failed: boolean;
}

async function observe(
  type: 'UsageSynced' | 'Entitled',
  key: ServiceKey | KeyProblem | undefined,
  read: (key: ServiceKey) => Promise<UsageReport>,
): Promise<Observed> {
  if (key === undefined) return { report: {}, failed: false };
  if (!('clientId' in key)) {
    const retryMs = key.reason === 'SecretForbidden' ? forbiddenAfterMs : undefined;
    return { report: reportOf({ type, status: 'False', ...key }), retryMs, failed: false };
  }
  try {
    return { report: await read(key), failed: false };
  } catch (error) {
    const { reason, message, retryAfterMs } = failureOf(error);
    const observation: Observation = { type, status: 'False', reason, message: sentence(message) };
    return { report: reportOf(observation), retryMs: retryAfterMs, failed: true };
  }
}

function failureOf(error: unknown): { reason: string; message: string; retryAfterMs?: number | undefined } {
  if (error instanceof SapError) return error;
  // The statement has nothing to go by: another condition of the budget says what to do.
  if (error instanceof LedgerTextError || error instanceof StoredObjectError)
    return { reason: 'LedgerLost', message: error.message };
  throw error;
}

function reportOf(observation: Observation): UsageReport {
  return observation.type === 'Entitled' ? { entitled: observation } : { synced: observation };
}

function schedule(memory: UsageMemory, { spec }: SapAiBudget, reports: readonly Observed[]): number {
  const maxMs = intervalMs(spec);
  const failed = reports.some((each) => each.failed);
  memory.failures = failed ? memory.failures + 1 : 0;
  const backOff = failed ? backOffMs(memory.failures, { baseMs: firstRetryMs, maxMs }) : maxMs;
  const asked = reports.flatMap(({ retryMs }) => (retryMs === undefined ? [] : [retryMs]));
  if (failed) return Math.max(backOff, ...asked);
  return Math.min(backOff, ...asked);
}

function intervalMs({ usage }: SapAiBudget['spec']): number {
  return (usage?.pollIntervalSeconds ?? standardIntervalSeconds) * 1000;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}
