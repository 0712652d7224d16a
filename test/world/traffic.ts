import type { Application, Call, CallResult } from './application.ts';
import { nearCap, waveOf } from './mixture.ts';

export interface TrafficOptions {
  application: Application;
  /** What became of the money of a request, by the id in its answer. */
  receipt: (requestId: string) => Promise<{ spent?: string | undefined; unknown?: string | undefined }>;
  /** Told of every call as it ends. */
  onResult: (result: CallResult) => void;
  /** Whether enough is left that calls may go side by side without coming near the cap. */
  isFarFromCap: () => Promise<boolean>;
  /** Ends the traffic early; what is under way is finished. */
  signal?: AbortSignal;
}

/** Most calls of one run, whatever the cap. */
const maxCalls = 600;

/** Spends until the budget refuses: side by side while far from the cap, then one call after the other. */
export async function spendUntilRefused(options: TrafficOptions): Promise<CallResult[]> {
  const { isFarFromCap, signal } = options;
  const results: CallResult[] = [];
  for (let round = 0; results.length < maxCalls && (await isFarFromCap()); round += 1) {
    signal?.throwIfAborted();
    results.push(...(await Promise.all(waveOf(round).map((call) => callOnce(options, call)))));
  }
  while (results.length < maxCalls && results.at(-1)?.outcome !== 'denied') {
    signal?.throwIfAborted();
    const call = nearCap[results.length % nearCap.length];
    if (call) results.push(await callOnce(options, call));
  }
  return results;
}

async function callOnce({ application, receipt, onResult }: TrafficOptions, call: Call): Promise<CallResult> {
  const answered = await application.call(call);
  const requestId = answered.headers['sapaibudget-request-id'];
  const paid = answered.outcome === 'ok' && requestId !== undefined ? await receipt(requestId) : {};
  const result = { ...answered, ...paid };
  onResult(result);
  return result;
}
