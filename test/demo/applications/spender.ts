/** What both applications of the demo do: spend until the budget refuses, say each result on a line, and stay. */
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { Call, CallResult } from '../../world/application.ts';
import { nearCap, waveOf } from '../../world/mixture.ts';

/** Makes one call with the SDK of the application; never rejects. */
export type Caller = (call: Call) => Promise<Omit<CallResult, 'id' | 'call'>>;

/** Far from the caps of examples/demo: a wave costs or holds about 0.01 CU. */
const waves = 12;
const maxCalls = 400;

const receipt = z.object({ spent: z.string().optional(), unknown: z.string().optional() });

/** Where the sidecar tells what a request cost, and the key that it is asked with. */
export interface Receipts {
  origin: string;
  key: string;
}

/** Spends side by side, then one call after the other until one is refused; then waits to be ended. */
export async function spendAndStay(caller: Caller, receipts: Receipts): Promise<void> {
  let last = 0;
  const once = async (call: Call): Promise<CallResult> => {
    last += 1;
    const answered = { id: last, call, ...(await caller(call)) };
    const result = { ...answered, ...(await receiptOf(answered, receipts)) };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return result;
  };
  for (let round = 0; round < waves; round += 1) await Promise.all(waveOf(round).map(once));
  for (let index = 0; index < maxCalls; index += 1) {
    const call = nearCap[index % nearCap.length];
    if (call && (await once(call)).outcome === 'denied') break;
  }
  process.stdout.write('{"done":true}\n');
  // A Deployment's pod that ends is started again.
  for (;;) await pause(60_000);
}

async function receiptOf(
  { outcome, headers }: Pick<CallResult, 'outcome' | 'headers'>,
  { origin, key }: Receipts,
): Promise<z.infer<typeof receipt>> {
  const requestId = headers['sapaibudget-request-id'];
  if (outcome !== 'ok' || requestId === undefined) return {};
  // A stream whose reader left is still read to its end by the sidecar.
  for (let tries = 0; tries < 100; tries += 1) {
    const answer = await fetch(`${origin}/sapai/requests/${requestId}`, {
      headers: { authorization: `Bearer ${key}` },
    });
    if (answer.ok) return receipt.parse(await answer.json());
    await answer.body?.cancel();
    await pause(50);
  }
  return {};
}
