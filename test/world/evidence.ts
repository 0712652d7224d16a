import { z } from 'zod';
import type { CallResult } from './application.ts';
import type { BilledRequest, CutShort, Refusal, Verdict } from './comparison.ts';
import { decimalText, exact, nano, sum } from './exact.ts';

const refusalBody = z.object({
  error: z.object({ sapaibudget: z.object({ requestedAtLeast: z.string() }) }),
});

/** The refusals of a run, each with what SAP had billed and what was held before it. */
export function refusalsOf(results: readonly CallResult[], billed: readonly BilledRequest[]): Refusal[] {
  const denied = results.filter(({ outcome }) => outcome === 'denied');
  return denied.map((result) => ({ requested: requestedBy(result), ...before(result, { results, billed }) }));
}

/** The answers that ended at a limit which the budget had lowered. */
export function cutShortOf(results: readonly CallResult[], billed: readonly BilledRequest[]): CutShort[] {
  const cut = results.filter(
    ({ finishReason, headers }) => finishReason === 'length' && headers['sapaibudget-max-tokens-clamped'],
  );
  return cut.map((result) => ({
    requested: usualReservation(results, result),
    ...before(result, { results, billed }),
  }));
}

/** Every request's receipt is its bill, rounded up once; and where the answer told the price, it told the same. */
export function judgeReceipts(results: readonly CallResult[], billed: readonly BilledRequest[]): Verdict[] {
  const bills = billsOf(billed);
  const paid = results.filter(({ spent }) => spent !== undefined);
  const wrong = paid.filter((result) => {
    const { headers, spent = '' } = result;
    const bill = bills.get(headers['x-request-id'] ?? '');
    const off = bill === undefined ? -1n : exact(spent) - bill;
    const told = headers['sapaibudget-cu-actual'] ?? spent;
    return off < 0n || off >= nano || told !== spent;
  });
  const rule = `each receipt = its bill, rounded up to a nano-CU (${paid.length})`;
  return [{ rule, found: `${wrong.length} differ`, holds: wrong.length === 0 && paid.length > 0 }];
}

/** Calls that ended neither with an answer nor with a refusal. */
export function judgeFailures(results: readonly CallResult[]): Verdict[] {
  const failed = results.filter(({ outcome }) => outcome === 'failed');
  const first = failed[0] ? `, the first: ${failed[0].status ?? ''} ${failed[0].message ?? ''}` : '';
  return [
    {
      rule: `calls that failed otherwise (of ${results.length})`,
      found: `${failed.length}${first}`,
      holds: failed.length === 0,
    },
  ];
}

function billsOf(billed: readonly BilledRequest[]): Map<string, bigint> {
  return new Map(billed.map(({ requestId, capacityUnits }) => [requestId, exact(capacityUnits)]));
}

/** SAP's bills of what had been settled, and the reservations of what nobody knew the cost of, before a call began. */
function before(
  result: CallResult,
  { results, billed }: { results: readonly CallResult[]; billed: readonly BilledRequest[] },
): { billedBefore: string; heldBefore: string } {
  const bills = billsOf(billed);
  const earlier = results.filter(({ id }) => id < result.id);
  const settled = earlier.filter(({ spent }) => spent !== undefined);
  const held = earlier.filter(({ unknown }) => unknown !== undefined);
  return {
    billedBefore: decimalText(
      sum(settled.map(({ headers }) => bills.get(headers['x-request-id'] ?? '') ?? 0n)),
    ),
    heldBefore: decimalText(sum(held.map(({ headers }) => exact(headers['sapaibudget-cu-reserved'] ?? '')))),
  };
}

/** What the refusal itself says the request needs at least. */
function requestedBy(result: CallResult): string {
  const told = refusalBody.safeParse(result.body);
  if (!told.success)
    throw new Error(`the refusal does not say what was requested: ${JSON.stringify(result)}`);
  return told.data.error.sapaibudget.requestedAtLeast;
}

/** What the same call reserved when its limit was left alone. */
function usualReservation(results: readonly CallResult[], { call }: CallResult): string {
  const same = results.find(
    (each) =>
      each.outcome === 'ok' &&
      each.call.prompt === call.prompt &&
      each.call.maxTokens === call.maxTokens &&
      !each.headers['sapaibudget-max-tokens-clamped'],
  );
  const reserved = same?.headers['sapaibudget-cu-reserved'];
  if (reserved === undefined) throw new Error('no call with this prompt has gone through unchanged before');
  return reserved;
}
