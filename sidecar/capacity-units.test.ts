import { describe, expect, test } from 'vitest';
import { withCapacityUnits } from './capacity-units.ts';

const price = { input: 10_000_001n, output: 0n };
const members = '"capacity_units_input":0.010000001,"capacity_units_output":0';

describe('the cost in an orchestration answer', () => {
  test.each([
    {
      name: 'goes before all other usage and leaves every other byte',
      text: '{ "final_result": {"x": 1.0, "usage" : { "prompt_tokens": 9 }}, "y": 1e2}',
      want: `{ "final_result": {"x": 1.0, "usage" : {${members}, "prompt_tokens": 9 }}, "y": 1e2}`,
    },
    {
      name: 'goes into the final result and not into that of the model',
      text: '{"final_result":{"usage":{"a":1}},"intermediate_results":{"llm":{"usage":{"a":1}}}}',
      want: `{"final_result":{"usage":{${members},"a":1}},"intermediate_results":{"llm":{"usage":{"a":1}}}}`,
    },
    {
      name: 'does not take text for a member',
      text: String.raw`{"final_result":{"usage":{"a":1},"content":"\"usage\":{"}}`,
      want: String.raw`{"final_result":{"usage":{${members},"a":1},"content":"\"usage\":{"}}`,
    },
    {
      name: 'goes into usage that is empty',
      text: '{"final_result":{"usage":{ }}}',
      want: `{"final_result":{"usage":{${members} }}}`,
    },
    { name: 'has no place without usage', text: '{"final_result":{}}', want: '{"final_result":{}}' },
    { name: 'has no place in what is not JSON', text: '"usage":{', want: '"usage":{' },
  ])('$name', ({ text, want }) => {
    expect(withCapacityUnits(text, price)).toBe(want);
  });
});
