import type { NamedModel } from './orchestration-bound.ts';
import { type Usage, usageOfOpenAiChat } from './usage.ts';

/**
 * The usage an answer or event of orchestration reports: it stands in the final result and in the model's own, and
 * counts once.
 *
 * @returns the object as it is there, for `usageOfOrchestration`; undefined when there is none
 */
export function usageMember(answer: unknown): unknown {
  const final = member(member(answer, 'final_result'), 'usage');
  const ofModel = member(member(member(answer, 'intermediate_results'), 'llm'), 'usage');
  return usageOfOrchestration(final) === undefined ? (ofModel ?? final) : final;
}

/**
 * Reads orchestration's `usage`, which is worded as OpenAI's. Tokens written to a cache have a rate that is not known
 * and may or may not be part of the prompt: with them the cost is unknown.
 *
 * @returns undefined when it tells nothing that could be booked
 */
export function usageOfOrchestration(raw: unknown): Usage | undefined {
  const written = member(member(raw, 'prompt_tokens_details'), 'cache_creation_tokens');
  if (written !== undefined && written !== null && written !== 0) return undefined;
  return usageOfOpenAiChat(raw);
}

/** Reads the `usage` of an answer with embeddings: input only. */
export function usageOfEmbeddings(raw: unknown): Usage | undefined {
  const prompt = member(raw, 'prompt_tokens');
  return usageOfOpenAiChat({ prompt_tokens: prompt, completion_tokens: 0 });
}

/** What an answer says about the entries of a fallback list. */
export interface FallbackFacts {
  /** The model's name as its provider writes it. */
  readonly model: string | undefined;
  /** How many entries failed before the one that answered; undefined when the answer would not say. */
  readonly failures: number | undefined;
}

/**
 * The entries of a list that may have given an answer, as indexes: one where the answer tells, several where it
 * leaves a doubt, and then the dearest is to be booked.
 */
export function answeringAttempts(attempts: readonly NamedModel[], facts: FallbackFacts): readonly number[] {
  const all = attempts.map((_, index) => index);
  if (attempts.length < 2) return all;
  const byName = all.filter((index) => isProviderName(facts.model ?? '', attempts[index]?.model ?? ''));
  const { failures } = facts;
  if (failures === undefined || failures >= attempts.length) return byName.length > 0 ? byName : all;
  if (byName.length === 0 || byName.includes(failures)) return [failures];
  return [failures, ...byName];
}

/**
 * Whether one of the failures before an answer may have cost something: all but refusals may come after the model
 * ran.
 */
export function mayHaveRun(failures: unknown): boolean {
  return (
    Array.isArray(failures) &&
    failures.some((failure: unknown) => {
      const code = member(failure, 'code');
      if (typeof code !== 'number') return true;
      return code === 408 || (code >= 500 && code !== 503);
    })
  );
}

/** Words of a provider's name that say nothing about which model it is: dates, revisions, kinds of deployment. */
const provenance = /^(?:\d{2,4}|\d{6}|\d{8}|v\d+|dz|std|global|latest|preview)$/;

/**
 * Whether a provider's name is of a catalogue's model: `claude-sonnet-4-5-20250929` of `anthropic--claude-4.5-sonnet`,
 * `gpt-4o-2024-08-06` of `gpt-4o` but not of `gpt-4o-mini`.
 */
export function isProviderName(providerName: string, catalogueModel: string): boolean {
  const rest = words(providerName);
  for (const word of words(catalogueModel.replace(/^.*?--/, ''))) {
    const at = rest.indexOf(word);
    if (at < 0) return false;
    rest.splice(at, 1);
  }
  return rest.every((word) => provenance.test(word));
}

function words(name: string): string[] {
  return name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Reflect.get(value, name);
}
