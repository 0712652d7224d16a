import { mayHaveRun, usageMember, usageOfOrchestration } from '../../accounting/orchestration-answer.ts';
import { withCapacityUnits } from '../capacity-units.ts';
import { hasContent } from '../content.ts';
import { isRecord } from '../record.ts';
import type { AnswerReport } from '../steps/settlement.ts';
import type { SseEvent } from './sse-splitter.ts';
import {
  type EventFate,
  parseChunk,
  rewritten,
  type StreamMeter,
  type StreamMeterOptions,
} from './stream-meter.ts';

/**
 * Meters a stream of orchestration. Its usage stands on the event that ends the text, so that for a client that did
 * not ask for it the member goes and the event stays; for one that did, the cost is put beside it.
 */
export class OrchestrationMeter implements StreamMeter {
  readonly #options: StreamMeterOptions;
  #usage: unknown;
  #finalUsage: unknown;
  #hasContent = false;
  #failed = false;
  #model: string | undefined;
  #failures: unknown;

  constructor(options: StreamMeterOptions) {
    this.#options = options;
  }

  get report(): AnswerReport {
    return {
      usage: this.#usage,
      hasContent: this.#hasContent,
      fallback: {
        model: this.#model,
        // A stream that says nothing of failures may be one of a service that does not tell them in streams.
        failures: Array.isArray(this.#failures) ? this.#failures.length : undefined,
        mayHaveCostMore: mayHaveRun(this.#failures),
      },
    };
  }

  /** Only the usage of the event that ends the text. */
  get brokenReport(): AnswerReport {
    return { ...this.report, usage: this.#finalUsage };
  }

  get failed(): boolean {
    return this.#failed;
  }

  read(event: SseEvent): EventFate {
    const { raw, data } = event;
    if (data === undefined) return { kind: 'pass', raw };
    if (data === '[DONE]') return { kind: 'done', raw };
    const chunk = parseChunk(data);
    if (chunk === undefined) return { kind: 'pass', raw };
    const told = this.#note(chunk);
    if (!this.#options.usageWanted)
      return { kind: 'pass', raw: mentionsUsage(chunk) ? rewritten(event, withoutUsage(chunk)) : raw };
    const price = told ? this.#options.priceOf?.(this.report) : undefined;
    if (price === undefined) return { kind: 'pass', raw };
    const annotated = withCapacityUnits(data, price);
    return { kind: 'pass', raw: annotated === data ? raw : rewritten(event, annotated) };
  }

  /** Whether the event told what the stream cost. */
  #note(chunk: Record<string, unknown>): boolean {
    const { final_result: final, intermediate_failures: failures, error } = chunk;
    if (failures !== undefined) this.#failures = failures;
    if ((typeof error === 'object' && error !== null) || isFlatError(chunk)) this.#failed = true;
    const results = [final, modelResult(chunk)].filter(isRecord);
    this.#hasContent ||= results.some(({ choices }) => hasContent(choices));
    const model = results
      .map((result) => result['model'])
      .find((name) => typeof name === 'string' && name !== '');
    if (typeof model === 'string') this.#model = model;
    const usage = usageMember(chunk);
    if (usage === undefined || usage === null) return false;
    this.#usage = usage;
    if (results.some(endsText)) this.#finalUsage = usage;
    return usageOfOrchestration(usage) !== undefined;
  }
}

/** Whether a result says why its text has ended. */
function endsText({ choices }: Record<string, unknown>): boolean {
  return (
    Array.isArray(choices) && choices.some((choice) => isRecord(choice) && Boolean(choice['finish_reason']))
  );
}

/** What some versions send in place of an error object. */
function isFlatError({ code, message }: Record<string, unknown>): boolean {
  return typeof code === 'number' && typeof message === 'string';
}

function modelResult({ intermediate_results: results }: Record<string, unknown>): unknown {
  return isRecord(results) ? results['llm'] : undefined;
}

function mentionsUsage(chunk: Record<string, unknown>): boolean {
  return [chunk['final_result'], modelResult(chunk)].some((result) => isRecord(result) && 'usage' in result);
}

function strip(result: unknown): unknown {
  if (!isRecord(result)) return result;
  const { usage: _, ...rest } = result;
  return rest;
}

function withoutUsage(chunk: Record<string, unknown>): string {
  const results = chunk['intermediate_results'];
  return JSON.stringify({
    ...chunk,
    ...(isRecord(results) && {
      intermediate_results: { ...results, ...('llm' in results && { llm: strip(results['llm']) }) },
    }),
    ...('final_result' in chunk && { final_result: strip(chunk['final_result']) }),
  });
}
