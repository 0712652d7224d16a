import { expect, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import { usageOfOpenAiChat } from '../../accounting/usage.ts';
import { type AnswerReport, type CallEnd, settlementOf } from './settlement.ts';

const rates = [{ input: '0.00112', output: '0.00320' }];
const modelOf = (model: string, own: typeof rates) => ({
  model,
  version: '1',
  rates: own,
  possibleRates: [own],
  contextLength: undefined,
});
const cheap = modelOf('gpt-4o-mini', rates);
const dear = modelOf('gpt-4o', [{ input: '0.00312', output: '0.0092' }]);
const pricing = { readUsage: usageOfOpenAiChat, models: [cheap], factor: '2.24038' };
const usage = { prompt_tokens: 3500, completion_tokens: 300, total_tokens: 3800 };
const paid = { kind: 'settled', spent: parseAmount('0.010933055') };
const nothing = { kind: 'settled', spent: 0n };
const unknown = (reason: string) => ({ kind: 'unknown', reason });
const status = (code: number): CallEnd => ({ kind: 'answered', status: code });

const cases: { name: string; end: CallEnd; want: object }[] = [
  {
    name: '200 with usage costs its exact price',
    end: { kind: 'answered', status: 200, usage, hasContent: true },
    want: paid,
  },
  {
    name: '200 without usage is unknown',
    end: { kind: 'answered', status: 200, hasContent: true },
    want: unknown('usage_missing'),
  },
  {
    name: '200 with usage that is no usage is unknown',
    end: { kind: 'answered', status: 200, usage: { prompt_tokens: 'many' } },
    want: unknown('usage_missing'),
  },
  {
    name: '200 with zero usage is unknown',
    end: {
      kind: 'answered',
      status: 200,
      usage: { prompt_tokens: 0, completion_tokens: 0 },
      hasContent: true,
    },
    want: unknown('usage_missing'),
  },
  {
    name: '200 with text and no output tokens is unknown',
    end: {
      kind: 'answered',
      status: 200,
      usage: { prompt_tokens: 9, completion_tokens: 0 },
      hasContent: true,
    },
    want: unknown('usage_missing'),
  },
  { name: '400 costs nothing', end: status(400), want: nothing },
  { name: '401 costs nothing', end: status(401), want: nothing },
  { name: '429 costs nothing', end: status(429), want: nothing },
  { name: '503 costs nothing', end: status(503), want: nothing },
  { name: '500 is unknown', end: status(500), want: unknown('upstream_error') },
  { name: '502 is unknown', end: status(502), want: unknown('upstream_error') },
  { name: '504 is unknown', end: status(504), want: unknown('upstream_error') },
  {
    name: '408 is unknown: a model ran until time was up',
    end: status(408),
    want: unknown('upstream_error'),
  },
  {
    name: '400 of a content filter is unknown: what it looked at is billed',
    end: { kind: 'answered', status: 400, mayHaveRun: true },
    want: unknown('upstream_error'),
  },
  { name: '302 is unknown', end: status(302), want: unknown('upstream_error') },
  { name: '204 is unknown', end: status(204), want: unknown('upstream_error') },
  { name: 'what was not sent costs nothing', end: { kind: 'not_sent' }, want: nothing },
  {
    name: 'a connection lost after sending is unknown',
    end: { kind: 'connection_lost' },
    want: unknown('connection_lost'),
  },
  {
    name: 'a connection lost after usage had come costs its price',
    end: { kind: 'connection_lost', usage },
    want: paid,
  },
  {
    name: 'a connection lost after text and usage without output is unknown',
    end: { kind: 'connection_lost', usage: { prompt_tokens: 9, completion_tokens: 0 }, hasContent: true },
    want: unknown('connection_lost'),
  },
  { name: 'an answer read no further is unknown', end: { kind: 'read_bound' }, want: unknown('read_bound') },
  {
    name: 'an error within a stream is unknown',
    end: { kind: 'error_in_stream' },
    want: unknown('upstream_error'),
  },
  {
    name: 'an error within a stream that told its usage costs its price',
    end: { kind: 'error_in_stream', usage },
    want: paid,
  },
];

test.each(cases)('$name', ({ end, want }) => {
  expect(settlementOf(end, pricing)).toMatchObject(want);
});

const answered = (fallback: Required<AnswerReport>['fallback']): CallEnd => ({
  kind: 'answered',
  status: 200,
  usage,
  fallback,
});

test.each([
  { name: 'the one that says it answered', failures: 1, model: 'gpt-4o-2024-05-13', want: dear },
  { name: 'the first where none failed', failures: 0, model: 'gpt-4o-mini-2024-07-18', want: cheap },
  { name: 'the dearest where nothing tells', failures: undefined, model: undefined, want: dear },
])('of several models, $name is priced', ({ failures, model, want }) => {
  const end = answered({ failures, model, mayHaveCostMore: false });
  expect(settlementOf(end, { ...pricing, models: [cheap, dear] })).toMatchObject({
    kind: 'settled',
    model: want,
  });
});

test('a model that broke before another answered makes the cost unknown', () => {
  const end = answered({ failures: 1, model: 'gpt-4o', mayHaveCostMore: true });
  expect(settlementOf(end, { ...pricing, models: [cheap, dear] })).toEqual(unknown('upstream_error'));
});
