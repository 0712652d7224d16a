import { z } from 'zod';

/**
 * Every way to fail that can be asked for.
 *
 * On any route: `http-*`, `throttled`, `throttled-date`, `html-page`, `truncated-json`, `reset`,
 * `never-answers`, `slow-first-byte`. On inference also the others.
 */
export const faultName = z.enum([
  'http-400',
  'http-401',
  'http-403',
  'http-500', // billed: the model may have run
  'http-502', // billed
  'http-503', // never billed
  'http-504', // billed
  'throttled', // 429 with Retry-After in seconds
  'throttled-date', // 429 with Retry-After as an HTTP date
  'html-page', // 200 and a page for people
  'truncated-json', // a body that ends in the middle, its framing intact
  'reset', // the connection breaks before the first byte of an answer
  'never-answers',
  'slow-first-byte',
  'slow-chunks',
  'no-usage', // an answer or stream without usage, billed all the same
  'stream-error', // an error event after 200, in the middle of the answer
  'abrupt-close', // the connection breaks in the middle of the body
  'no-done', // a stream without `data: [DONE]`
  'hidden-tokens', // reported and billed prompt tokens that nobody can derive from the request
  'ignored-limit', // an answer longer than the limit it was given
  'wrong-grant', // tokens: this client may have none by client credentials
  'empty-month', // usage data without a single row
  'usage-on-finish',
  'split-bytes',
  'output-filtered', // orchestration: the text is taken away after it was made and billed
]);
export type FaultName = z.infer<typeof faultName>;

const maxDelayMs = 60_000;
const text = z.string().min(1).max(256);

/** Which requests a rule is for; all members given must agree. */
const faultMatch = z.strictObject({
  /** Name of the route, as in `GET /__emulator/requests`: `token`, `models`, `deployments`, `chat`, … */
  route: text.optional(),
  clientId: text.optional(),
  deployment: text.optional(),
  model: text.optional(),
  /** Only chat: whether a stream is asked for. */
  stream: z.boolean().optional(),
  /** Only chat: text that occurs in a message. */
  contains: text.optional(),
});
export type FaultMatch = z.infer<typeof faultMatch>;

/** Numbers that some faults take. */
export const faultParameters = z.strictObject({
  /** `slow-first-byte`: before the first byte; `slow-chunks`: before each chunk. */
  delayMs: z.int().min(0).max(maxDelayMs).optional(),
  /** `throttled` and `throttled-date`. */
  retryAfterSeconds: z.int().min(0).max(86_400).optional(),
  /** `hidden-tokens`: how many; `ignored-limit`: how many beyond the limit. */
  tokens: z.int().min(1).max(1_000_000).optional(),
});
export type FaultParameters = z.infer<typeof faultParameters>;

/** A fault in force: for whom, how often and how likely. */
export const faultRule = z.strictObject({
  fault: faultName,
  match: faultMatch.default({}),
  /** Matching requests let pass before the rule acts. */
  after: z.int().min(0).max(1_000_000).default(0),
  /** How often it acts before it is used up; absent: until a reset. */
  count: z.int().min(1).max(1_000_000).optional(),
  probability: z.number().min(0).max(1).default(1),
  ...faultParameters.shape,
});
export type FaultRule = z.infer<typeof faultRule>;
export type FaultRuleInput = z.input<typeof faultRule>;
