/**
 * Tokens of one request in kinds that do not overlap, so that each has exactly one rate. `reasoning` alone is
 * part of another kind (`output`) and only told.
 */
export interface Usage {
  /** Input that was not read from a cache. */
  readonly input: number;
  /** Input that was read from a cache. */
  readonly cacheRead: number;
  /** Output, reasoning included. */
  readonly output: number;
  /** The part of `output` that nobody sees. */
  readonly reasoning: number;
  /** Set when the figures contradicted what their kind promises and were read the dearer way. */
  readonly anomaly?: UsageAnomaly;
}

/** More of a part was reported than of the whole it should belong to: the two were added instead. */
export type UsageAnomaly = 'cache_beyond_input' | 'reasoning_beyond_output';

/** Beyond any context there is; a figure above it is a fault, not usage. */
const maxTokens = 1_000_000_000;

/**
 * Reads the `usage` object of an OpenAI-shaped chat answer or stream chunk, in which cached tokens are part of
 * the prompt and reasoning tokens part of the completion.
 *
 * @returns undefined when it tells nothing that could be booked: absent, null, malformed, or without input
 * (each request has some; filtered streams report 0/0/0 for text that was made and billed). Such a cost is unknown, not nothing.
 */
export function usageOfOpenAiChat(raw: unknown): Usage | undefined {
  if (!isRecord(raw)) return undefined;
  const prompt = tokenCount(raw.prompt_tokens);
  const completion = tokenCount(raw.completion_tokens);
  const cached = detail(raw.prompt_tokens_details, 'cached_tokens');
  const reasoning = detail(raw.completion_tokens_details, 'reasoning_tokens');
  if (prompt === undefined || completion === undefined) return undefined;
  if (cached === undefined || reasoning === undefined) return undefined;
  if (prompt === 0) return undefined;
  return disjoint({ prompt, completion, cached, reasoning });
}

function disjoint(counts: { prompt: number; completion: number; cached: number; reasoning: number }): Usage {
  const { prompt, completion, cached, reasoning } = counts;
  const cacheBeside = cached > prompt;
  const reasoningBeside = reasoning > completion;
  const usage = {
    input: cacheBeside ? prompt : prompt - cached,
    cacheRead: cached,
    output: reasoningBeside ? completion + reasoning : completion,
    reasoning,
  };
  if (cacheBeside) return { ...usage, anomaly: 'cache_beyond_input' };
  if (reasoningBeside) return { ...usage, anomaly: 'reasoning_beyond_output' };
  return usage;
}

/** One member of a details object: 0 when either is absent or null, undefined when malformed. */
function detail(details: unknown, member: string): number | undefined {
  if (details === undefined || details === null) return 0;
  if (!isRecord(details)) return undefined;
  const value = details[member];
  return value === undefined || value === null ? 0 : tokenCount(value);
}

function tokenCount(value: unknown): number | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value)) return undefined;
  return value >= 0 && value <= maxTokens ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
