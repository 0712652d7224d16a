import { z } from 'zod';
import type { Application, Call, CallResult } from './application.ts';
import type { CutShort, Refusal } from './comparison.ts';

/** What happens between a call and its answer is looked at from outside, before each call near the cap. */
export interface Observation {
  /** SAP's bill so far and what is held, in CU as decimal text. */
  billed: string;
  held: string;
}

export interface TrafficOptions {
  application: Application;
  observe: () => Promise<Observation>;
  /** What became of the money of a request, by the id in its answer. */
  receipt: (requestId: string) => Promise<{ spent?: string | undefined; unknown?: string | undefined }>;
  /** Told of every call as it ends. */
  onResult: (result: CallResult) => void;
  /** Whether enough is left that calls may go side by side without coming near the cap. */
  isFarFromCap: () => Promise<boolean>;
  /** Ends the traffic early; what is under way is finished. */
  signal?: AbortSignal;
}

export interface TrafficReport {
  results: CallResult[];
  refusals: Refusal[];
  cutShort: CutShort[];
  /** The first refusal, whole. */
  denial: CallResult | undefined;
}

/** Most calls of one run, whatever the cap. */
const maxCalls = 600;
const sideBySide = 4;
const model = 'gpt-4o';

const question =
  'Summarise the open purchase orders of plant 1000 by supplier, oldest first, and say which of them are late. ';

/** The mixture every run has: JSON, streams, readers that leave, answers without usage. */
const mixture: Call[] = [
  { kind: 'json', model, prompt: `${question}[[out=180]]`, maxTokens: 300 },
  { kind: 'stream', model, prompt: `${question}[[out=240]]`, maxTokens: 300 },
  { kind: 'json', model, prompt: `${question}[[out=90]][[cached=64]]` },
  { kind: 'leave', model, prompt: `${question}[[out=260]]`, maxTokens: 300 },
  { kind: 'stream', model, prompt: `${question}[[out=120]]` },
  { kind: 'json', model, prompt: `${question}[[out=200]][[fault=no-usage]]`, maxTokens: 250 },
  { kind: 'json', model: 'gpt-4o-mini', prompt: `${question}[[out=150]]`, maxTokens: 300 },
  { kind: 'stream', model, prompt: `${question}[[out=100]][[fault=no-usage]]`, maxTokens: 150 },
];

/** Spends until the budget refuses: side by side while far from the cap, then one call after the other. */
export async function spendUntilRefused(options: TrafficOptions): Promise<TrafficReport> {
  const report: TrafficReport = { results: [], refusals: [], cutShort: [], denial: undefined };
  await spendSideBySide(options, report);
  await spendOneByOne(options, report);
  return report;
}

async function spendSideBySide(options: TrafficOptions, report: TrafficReport): Promise<void> {
  for (let round = 0; report.results.length < maxCalls && (await options.isFarFromCap()); round += 1) {
    options.signal?.throwIfAborted();
    const calls = mixture.map((_, index) => mixture[(round * sideBySide + index) % mixture.length]);
    const before = await options.observe();
    const wave = calls.slice(0, sideBySide).filter((call) => call !== undefined);
    const results = await Promise.all(wave.map((call) => options.application.call(call)));
    for (const result of results) await note(options, { report, result, before });
  }
}

async function spendOneByOne(options: TrafficOptions, report: TrafficReport): Promise<void> {
  const near: Call[] = [
    { kind: 'json', model, prompt: `${question}[[out=180]]`, maxTokens: 300 },
    { kind: 'stream', model, prompt: `${question}[[out=240]]`, maxTokens: 300 },
  ];
  while (report.results.length < maxCalls && report.denial === undefined) {
    for (const call of near) {
      options.signal?.throwIfAborted();
      const before = await options.observe();
      const result = await options.application.call(call);
      await note(options, { report, result, before });
    }
  }
}

async function note(
  { onResult, receipt }: TrafficOptions,
  { report, result: answered, before }: { report: TrafficReport; result: CallResult; before: Observation },
): Promise<void> {
  const requestId = answered.headers['sapaibudget-request-id'];
  const paid = answered.outcome === 'ok' && requestId !== undefined ? await receipt(requestId) : {};
  const result = { ...answered, ...paid };
  report.results.push(result);
  onResult(result);
  const seen = { billedBefore: before.billed, heldBefore: before.held };
  if (result.outcome === 'denied') {
    report.denial ??= result;
    report.refusals.push({ requested: requestedBy(result), ...seen });
  }
  if (result.finishReason === 'length' && result.headers['sapaibudget-max-tokens-clamped']) {
    report.cutShort.push({ requested: usualReservation(report, result), ...seen });
  }
}

const refusalBody = z.object({
  error: z.object({ sapaibudget: z.object({ requestedAtLeast: z.string() }) }),
});

/** What the refusal itself says the request needs at least. */
function requestedBy(result: CallResult): string {
  const told = refusalBody.safeParse(result.body);
  if (!told.success)
    throw new Error(`the refusal does not say what was requested: ${JSON.stringify(result)}`);
  return told.data.error.sapaibudget.requestedAtLeast;
}

/** What the same call reserved when its limit was left alone. */
function usualReservation(report: TrafficReport, { call }: CallResult): string {
  const same = report.results.find(
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
