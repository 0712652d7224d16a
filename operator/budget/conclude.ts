import type { BudgetConfiguration } from '../../accounting/configuration-messages.ts';
import type { SapAiBudgetStatus } from '../../crds/budget.ts';
import { budgetKey } from '../configuration/budget-ref.ts';
import { buildConfiguration } from '../configuration/build-configuration.ts';
import { canonicalJson } from '../configuration/canonical-json.ts';
import type { Coverage } from '../coverage/count-pods.ts';
import type { Condition } from '../kube/conditions.ts';
import type { Outcome } from '../kube/controller.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { NotLeadingError } from '../replicas/leadership.ts';
import { usageObservations } from '../usage/usage-observations.ts';
import { budgetConditions } from './conditions.ts';
import { lastStatus } from './last-status.ts';
import { coversPromises, guaranteeObservations } from './guarantee.ts';
import { remembered } from './memory.ts';
import { offerOf, publishStanding } from './publish-standing.ts';
import { budgets } from './resources.ts';
import { soonestMs } from './run-steps.ts';
import type { StepResults } from './run-steps.ts';
import { budgetStatus } from './status.ts';
import { conditionsOf } from './step.ts';
import type { BudgetContext, StepOutcome } from './step.ts';
import { transitionEvents } from './transitions.ts';

/** A status is a summary: figures move with every request, and etcd keeps every revision. */
const statusEveryMs = 1_000;

/**
 * The one place that turns what the steps found into conditions, events, what sidecars are told, one status write and
 * the time of the next reconcile.
 */
export async function conclude(context: BudgetContext, results: StepResults): Promise<Outcome> {
  const { budget, services, found } = context;
  const generation = budget.metadata.generation ?? 0;
  const previous = lastStatus(context);
  const before = previous.conditions ?? [];
  const observed = { now: new Date(services.clock.nowMs()), generation };
  const { spec } = budget;
  const report = services.usage.get(keyOf(budget)) ?? {};
  const usage = [...usageObservations(spec, report, before), ...guaranteeObservations(context)];
  const coverage = services.coverage.get(keyOf(budget));
  const conditions = budgetConditions(
    before,
    {
      results,
      ledger: found.ledger,
      usage,
      coverage,
      types: conditionsOf(spec),
      coversPromises: coversPromises(context),
    },
    observed,
  );
  publish(context, conditions);
  publishStanding(context, conditions);
  const status = budgetStatus({
    generation,
    previous,
    conditions,
    ledger: found.ledger,
    models: found.models,
    subscription: spec.usage && (report.subscription ?? previous.subscription),
    allowedModels: spec.allowedModels,
    coverage,
  });
  tellObserver(context, { status, coverage });
  const writeAgainMs = await writeStatus(context, { previous, status });
  return scheduled(results, writeAgainMs);
}

function keyOf({ metadata: { namespace, name } }: BudgetContext['budget']): string {
  return budgetKey({ namespace, name });
}

/** Tells sidecars, if not with what then why not. */
function publish(context: BudgetContext, conditions: readonly Condition[]): void {
  const { budget, services, found } = context;
  const { namespace, name } = budget.metadata;
  const ref = { namespace, name };
  const configuration = readyConfiguration(context) ?? unavailable(context, conditions);
  services.tokens.use(ref, configuration.state === 'ready' ? found.serviceKey : undefined);
  services.configurations.publish(configuration);
}

function tellObserver(
  { budget, services, found }: BudgetContext,
  { status, coverage }: { status: SapAiBudgetStatus; coverage: Coverage | undefined },
): void {
  const { namespace, name } = budget.metadata;
  const { conditions = [], subscription } = status;
  // Figures that every replica told would be added up.
  if (!services.leadership.leads()) {
    services.onObserved?.({ budget: { namespace, name } });
    return;
  }
  services.onObserved?.({
    budget: { namespace, name },
    ...(found.ledger ? { ledger: found.ledger } : {}),
    ready: conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    ...(subscription ? { subscription } : {}),
    ...(coverage ? { coverage } : {}),
  });
}

function readyConfiguration(context: BudgetContext): BudgetConfiguration | undefined {
  const { budget, memory, found } = context;
  const { models, ledger } = found;
  const offer = offerOf(context);
  if (!offer || !models || !ledger || ledger.problem) return undefined;
  const { serviceKey, inventory, card, allowedModels, resourceGroups } = offer;
  const { namespace, name, generation } = budget.metadata;
  const { uid, name: ledgerName, period } = ledger;
  const { apiUrl } = serviceKey;
  const groups = resourceGroups.join(' ');
  const rates = [inventory, models, card.generation, card.name];
  const from = [...rates, generation, uid, period.endMs, apiUrl, groups, allowedModels.join(' ')];
  const value =
    remembered(memory.configured, from) ??
    buildConfiguration({
      budget: { namespace, name },
      spec: budget.spec,
      resourceGroups,
      allowedModels,
      ledger: { uid, name: ledgerName, period },
      apiUrl,
      deployments: inventory.deployments,
      models,
      card,
    });
  memory.configured = { from, value };
  return value;
}

function unavailable({ budget }: BudgetContext, conditions: readonly Condition[]): BudgetConfiguration {
  const { namespace, name } = budget.metadata;
  const ready = conditions.find(({ type }) => type === 'Ready');
  const { reason = 'NotObserved', message = 'Not observed yet.' } = ready ?? {};
  return { state: 'unavailable', namespace, budget: name, reason: reason.slice(0, 128), message };
}

/** Writes the status if it differs and the last write is long enough ago; else says when to come again. The leader's alone. */
async function writeStatus(
  context: BudgetContext,
  change: { previous: SapAiBudgetStatus; status: SapAiBudgetStatus },
): Promise<number | undefined> {
  const { services, memory } = context;
  if (!services.leadership.leads()) return undefined;
  if (canonicalJson(change.previous) === canonicalJson(change.status)) return undefined;
  const waitMs = memory.written ? memory.written.atMs + statusEveryMs - services.clock.nowMs() : 0;
  if (waitMs > 0) return waitMs;
  if (await applyStatus(context, change.status)) recordEvents(context, change);
  return undefined;
}

/** False where the budget has gone meanwhile. */
async function applyStatus(
  { budget, services, memory, signal }: BudgetContext,
  status: SapAiBudgetStatus,
): Promise<boolean> {
  const { namespace, name, uid = '' } = budget.metadata;
  try {
    // With its uid, so that a budget that was made anew meanwhile does not inherit this status.
    await services.kube.applyStatus(budgets, { metadata: { namespace, name, uid }, status }, { signal });
  } catch (error) {
    if (isKubeError(error, 'NotFound', 'Conflict') || error instanceof NotLeadingError) return false;
    throw error;
  }
  memory.written = { uid, term: services.leadership.term, status, atMs: services.clock.nowMs() };
  return true;
}

function recordEvents(
  { budget, services }: BudgetContext,
  { previous, status }: { previous: SapAiBudgetStatus; status: SapAiBudgetStatus },
): void {
  const { namespace, name } = budget.metadata;
  const stored = services.budgets.get(`${namespace}/${name}`);
  if (stored === undefined) return;
  const events = transitionEvents(previous.conditions ?? [], status.conditions ?? []);
  for (const event of events) services.recordEvent(stored, event);
}

function scheduled({ outcomes }: StepResults, writeAgainMs: number | undefined): Outcome {
  const steps = [...outcomes.values()];
  const wanted = [soonestMs(steps), writeAgainMs].filter((ms) => ms !== undefined);
  const requeueAfterMs = wanted.length === 0 ? undefined : Math.max(0, Math.min(...wanted));
  const blocking = steps.find(isBlocking);
  if (blocking === undefined) {
    return { state: 'done', ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }) };
  }
  const { reason } = blocking;
  return requeueAfterMs === undefined
    ? { state: 'stalled', reason }
    : { state: 'waiting', requeueAfterMs, reason };
}

function isBlocking(outcome: StepOutcome): outcome is Exclude<StepOutcome, { state: 'done' }> {
  return outcome.state === 'waiting' || outcome.state === 'stalled';
}
