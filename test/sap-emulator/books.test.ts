import { array, assert, boolean, constantFrom, integer, property, record } from 'fast-check';
import { expect, test } from 'vitest';
import { createBooks } from './books.ts';
import type { Admission, Bill } from './books.ts';
import { add, formatExact, parseExact, zero } from './exact.ts';

const admission: Admission = {
  requestId: 'r',
  clientId: 'a',
  deployment: 'd',
  model: 'm',
  version: '1',
  resourceGroup: 'default',
  at: '2026-11-23T12:00:00.000Z',
  stream: false,
  limit: null,
  naturalTokens: 1,
  finishReason: 'stop',
  cutShort: false,
  faults: [],
};

/** A bill of so many tokens of output at a rate that makes odd decimals. */
function billOf(output: number): Bill {
  const tokens = { prompt: 1, cached: 0, output, reasoning: 0 };
  return { tokens, factor: '1', capacityUnits: { units: BigInt(output) * 7n, places: 11 } };
}

test('an inference counts from its admission and its end is told once', () => {
  const books = createBooks(10);
  const finish = books.admit(admission, billOf(10));
  expect(books.read().totals).toMatchObject({ requests: 1, running: 1, capacityUnits: '0.0000000007' });
  finish({ usageDelivered: true, clientLeft: false });
  finish({ usageDelivered: true, clientLeft: true }, billOf(999));
  expect(books.read()).toMatchObject({
    totals: { requests: 1, running: 0, usageDelivered: 1, outputTokens: 10, capacityUnits: '0.0000000007' },
    entries: [{ state: 'finished', clientLeft: false, billedMaximum: false }],
  });
});

test('the totals of all and of each client are exactly the sums of their entries', () => {
  const one = record({
    clientId: constantFrom('a', 'b', 'c'),
    output: integer({ min: 0, max: 1_000_000 }),
    more: integer({ min: 0, max: 1000 }),
    usageDelivered: boolean(),
    finished: boolean(),
  });
  assert(
    property(array(one, { maxLength: 40 }), (inferences) => {
      const books = createBooks(100);
      for (const { clientId, output, more, usageDelivered, finished } of inferences) {
        const finish = books.admit({ ...admission, clientId }, billOf(output));
        if (finished) {
          finish({ usageDelivered, clientLeft: false }, more > 500 ? billOf(output + more) : undefined);
        }
      }
      for (const clientId of ['a', 'b', 'c', undefined]) {
        const { entries, totals } = books.read({ clientId });
        const delivered = entries.filter((entry) => entry.usageDelivered);
        expect(totals).toMatchObject({
          requests: entries.length,
          running: entries.filter((entry) => entry.state === 'running').length,
          usageDelivered: delivered.length,
          outputTokens: entries.reduce((sum, entry) => sum + entry.outputTokens, 0),
          capacityUnits: sumOf(entries),
          capacityUnitsDelivered: sumOf(delivered),
        });
      }
    }),
  );
});

function sumOf(entries: readonly { capacityUnits: string }[]): string {
  return formatExact(entries.map((entry) => parseExact(entry.capacityUnits)).reduce(add, zero));
}
