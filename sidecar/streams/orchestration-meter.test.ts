import { describe, expect, test } from 'vitest';
import { OrchestrationMeter } from './orchestration-meter.ts';

const usage = { prompt_tokens: 3, completion_tokens: 2 };
const price = { total: 3n, input: 1n, output: 2n };
const chunk = (content: string, more: object = {}) => {
  const result = { model: 'gpt-4o-2024-11-20', choices: [{ index: 0, delta: { content } }], ...more };
  return { request_id: 'r', intermediate_results: { llm: result }, final_result: result };
};

function read(meter: OrchestrationMeter, value: unknown, lineEnd = '\n'): string {
  const data = typeof value === 'string' ? value : JSON.stringify(value);
  const fate = meter.read({ raw: Buffer.from(`data: ${data}${lineEnd}${lineEnd}`), data });
  return fate.kind === 'pass' ? fate.raw.toString() : fate.kind;
}

describe('a stream of orchestration', () => {
  test('passes as it came but for usage that was not asked for', () => {
    const meter = new OrchestrationMeter({ usageWanted: false });
    expect(read(meter, chunk('a'))).toBe(`data: ${JSON.stringify(chunk('a'))}\n\n`);
    expect(read(meter, chunk('b', { usage }), '\r\n')).toBe(`data: ${JSON.stringify(chunk('b'))}\r\n\r\n`);
    expect(read(meter, '[DONE]')).toBe('done');
    expect(meter.report).toEqual({
      usage,
      hasContent: true,
      fallback: { model: 'gpt-4o-2024-11-20', failures: undefined, mayHaveCostMore: false },
    });
  });

  test('has the cost beside usage that was asked for, once', () => {
    const meter = new OrchestrationMeter({ usageWanted: true, priceOf: () => price });
    const text = read(meter, chunk('b', { usage }));
    expect(
      text.match(/"capacity_units_input":0\.000000001,"capacity_units_output":0\.000000002,/g),
    ).toHaveLength(1);
  });

  test('has no cost beside usage that tells none', () => {
    const zero = { prompt_tokens: 0, completion_tokens: 0 };
    const meter = new OrchestrationMeter({ usageWanted: true, priceOf: () => price });
    expect(read(meter, chunk('', { usage: zero }))).not.toContain('capacity_units');
    expect(read(meter, chunk(''))).not.toContain('capacity_units');
  });

  test.each([
    { name: 'in an object', event: { error: { code: 429, message: 'x' } } },
    { name: 'in a list', event: { error: [{ code: 429 }] } },
    { name: 'without an envelope', event: { code: 500, message: 'x', request_id: 'r' } },
  ])('that tells of an error $name has failed', ({ event }) => {
    const meter = new OrchestrationMeter({ usageWanted: false });
    read(meter, chunk('a'));
    expect(meter.failed).toBe(false);
    read(meter, event);
    expect(meter.failed).toBe(true);
  });

  test('notes failures before the answer, and whether they may have cost something', () => {
    const meter = new OrchestrationMeter({ usageWanted: false });
    read(meter, { ...chunk(''), intermediate_failures: [{ code: 400 }, { code: 500 }] });
    expect(meter.report.fallback).toMatchObject({ failures: 2, mayHaveCostMore: true });
  });
});
