import { matchesGlob } from './glob.ts';

/**
 * Longest answers that a provider lets its models give, in tokens, the first match counts. SAP's list of models does
 * not tell them. Source: the model pages of Azure OpenAI and OpenAI, 2026. Only limits that WE choose are kept at
 * or below these, because a provider refuses a greater one; no bound relies on them.
 */
const outputMaxima: ReadonlyArray<{ model: string; version: string; tokens: number }> = [
  { model: 'gpt-4o', version: '2024-05-13', tokens: 4096 },
  { model: 'gpt-4o*', version: '*', tokens: 16_384 },
  { model: 'gpt-4.1*', version: '*', tokens: 32_768 },
  { model: 'gpt-5*', version: '*', tokens: 128_000 },
  { model: 'o1*', version: '*', tokens: 100_000 },
  { model: 'o3*', version: '*', tokens: 100_000 },
  { model: 'o4*', version: '*', tokens: 100_000 },
];

/** The greatest output limit a model accepts, in tokens; undefined where nobody has written it down. */
export function outputMaximum(model: string, version: string): number | undefined {
  return outputMaxima.find((row) => matchesGlob(row.model, model) && matchesGlob(row.version, version))
    ?.tokens;
}
