import { AiApi } from '../../sap/ai-api.ts';
import { readInventory } from '../../sap/inventory.ts';
import type { Inventory } from '../../sap/inventory.ts';
import { SapError } from '../../sap/sap-error.ts';
import type { ServiceKey } from '../../sap/service-key.ts';
import { backOffMs } from '../../kube/clock.ts';
import { aiCoreOf } from '../root-spec.ts';
import { nothingKnown, sourceOf } from '../source.ts';
import type { BudgetContext, StepOutcome } from '../step.ts';

/** First wait after a failure; doubles up to the time after which AI Core is read anyhow. */
const firstRetryMs = 1_000;

/**
 * Reads what AI Core has, unless that was done a moment ago. While AI Core is away the last answers are good enough:
 * prices and deployments seldom change. When it refuses us they are not.
 */
export async function readAiCore(context: BudgetContext): Promise<StepOutcome> {
  const { budget, memory, found } = context;
  if (!found.serviceKey) throw new TypeError('a step before finds the service key');
  const source = sourceOf(budget, found.serviceKey);
  // An answer that came by another key, or for other groups, says nothing about these.
  if (memory.inventory?.source !== source) delete memory.inventory;
  if (memory.failure?.source !== source) delete memory.failure;
  return recall(context) ?? read(context, { key: found.serviceKey, source });
}

/** The last answer or failure, while it is too early to ask again. */
function recall(context: BudgetContext): StepOutcome | undefined {
  const { services, memory, found } = context;
  const { inventory, failure } = memory;
  const nowMs = services.clock.nowMs();
  if (failure && nowMs < failure.untilMs) return failed(context, failure.error, failure.untilMs - nowMs);
  const freshMs = inventory ? inventory.readAtMs + services.settings.refreshMs - nowMs : 0;
  if (!inventory || freshMs <= 0) return undefined;
  found.inventory = inventory.value;
  return reachable(inventory.value, freshMs);
}

async function read(
  context: BudgetContext,
  { key, source }: { key: ServiceKey; source: string },
): Promise<StepOutcome> {
  const { budget, services, memory, found, signal } = context;
  const { broker, dispatcher, clock, settings } = services;
  try {
    const api = new AiApi({ key, broker, dispatcher });
    const { resourceGroups } = aiCoreOf(budget.spec);
    const value = await readInventory(api, { resourceGroups, signal });
    memory.inventory = { source, value, readAtMs: clock.nowMs() };
    delete memory.failure;
    found.inventory = value;
    return reachable(value, settings.refreshMs);
  } catch (error) {
    if (!(error instanceof SapError)) throw error;
    const count = (memory.failure?.count ?? 0) + 1;
    const backOff = backOffMs(count, { baseMs: firstRetryMs, maxMs: settings.refreshMs });
    const afterMs = Math.max(backOff, error.retryAfterMs ?? 0);
    memory.failure = { source, error, untilMs: clock.nowMs() + afterMs, count };
    return failed(context, error, afterMs);
  }
}

function reachable({ deployments }: Inventory, againAfterMs: number): StepOutcome {
  const message = `AI Core answers; the resource groups have ${deployments.length} deployments.`;
  return { state: 'done', message, againAfterMs };
}

/** Why AI Core could not be read, and whether the last answers may be used meanwhile. */
function failed({ memory, found }: BudgetContext, error: SapError, afterMs: number): StepOutcome {
  const { reason } = error;
  const message = `${error.message}.`;
  if (!isPassing(error)) delete memory.inventory;
  if (!memory.inventory) {
    const told = isPassing(error) ? `${message} ${nothingKnown}` : message;
    return { state: 'waiting', reason, message: told, afterMs };
  }
  found.inventory = memory.inventory.value;
  const meanwhile = 'Pods go on with the last known models and deployments.';
  return { state: 'degraded', reason, message: `${message} ${meanwhile}`, afterMs };
}

function isPassing({ reason }: SapError): boolean {
  return (
    reason === 'AiCoreUnavailable' ||
    reason === 'AiCoreAnswerInvalid' ||
    reason === 'TokenEndpointUnavailable'
  );
}
