import { SapError } from '../../sap/sap-error.ts';
import { nothingKnown, sourceOf } from '../source.ts';
import type { BudgetContext, StepOutcome } from '../step.ts';

/** SAP may come to accept credentials (a subaccount is unlocked), but nothing tells us. */
const invalidAfterMs = 60_000;
/** A token endpoint that is down is asked again soon: nobody can call anything without it. */
const unavailableAfterMs = 10_000;

/** Asks SAP for a token. Credentials that SAP refuses also end what was known by them. */
export async function obtainToken(context: BudgetContext): Promise<StepOutcome> {
  const { services, memory, found, signal } = context;
  if (!found.serviceKey) throw new TypeError('the step before finds the service key');
  try {
    await services.broker.token(found.serviceKey, { signal });
    return { state: 'done', message: 'SAP gives tokens for the service key.' };
  } catch (error) {
    if (!(error instanceof SapError)) throw error;
    const { reason } = error;
    const message = `${capitalized(error.message)}.`;
    if (reason === 'CredentialsInvalid') {
      delete memory.inventory;
      return { state: 'waiting', reason, message, afterMs: invalidAfterMs };
    }
    const known = memory.inventory?.source === sourceOf(context.budget, found.serviceKey);
    const afterMs = Math.max(error.retryAfterMs ?? 0, unavailableAfterMs);
    if (known) return { state: 'degraded', reason, message, afterMs };
    return { state: 'waiting', reason, message: `${message} ${nothingKnown}`, afterMs };
  }
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
