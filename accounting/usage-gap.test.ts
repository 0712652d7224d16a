import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cu } from './ledger-scene.ts';
import type { MeteredUsage } from './messages.ts';
import { gapOf } from './usage-gap.ts';
import type { BilledLine, UsageGap } from './usage-gap.ts';

const names = { model: 'gpt-5', version: '2025-08-07' };
const lastDay = '2026-11-30';

function metered(rest: Partial<MeteredUsage> = {}): MeteredUsage {
  return { day: '2026-11-20', ...names, input: 100, cacheRead: 0, output: 10, spent: cu(1), ...rest };
}
function billed(rest: Partial<BilledLine> = {}): BilledLine {
  return { day: '2026-11-20', ...names, input: 100n, output: 10n, billed: cu(1), ...rest };
}
function gap(ours: readonly MeteredUsage[], saps: readonly BilledLine[]): UsageGap {
  return gapOf({ metered: ours, billed: saps, lastDay });
}
function bounded(amount: number | string): UsageGap {
  return { state: 'bounded', amount: cu(amount) };
}

describe('the gap between billed and metered usage', () => {
  test('is nothing where SAP has the tokens that were metered, whatever our rate card made of them', () => {
    expect(gap([metered({ spent: cu('1.2') })], [billed()])).toEqual(bounded(0));
  });

  test('is found though a rate card that is 20 % too dear makes metered and billed the same', () => {
    const ours = [metered({ input: 1000, output: 100, spent: cu(120) })];
    const saps = [billed({ input: 1200n, output: 120n, billed: cu(120) })];
    expect(gap(ours, saps)).toEqual(bounded(40));
  });

  test('is as much of the day’s bill as the greater share of tokens, at twice the plain price', () => {
    expect(gap([metered()], [billed({ input: 200n, output: 40n, billed: cu(4) })])).toEqual(bounded(6));
  });

  test('of one day does not make up for another day, model or kind', () => {
    const ours = [metered(), metered({ day: '2026-11-21' }), metered({ model: 'gpt-4o' })];
    const saps = [
      billed({ input: 150n, output: 0n }),
      billed({ day: '2026-11-21', input: 50n, output: 30n, billed: cu(3) }),
      billed({ model: 'gpt-4o' }),
    ];
    // 50 of 150 tokens of input, and 20 of 30 of output.
    expect(gap(ours, saps)).toEqual({ state: 'bounded', amount: (2n * cu(1)) / 3n + 1n + cu(4) });
  });

  test('has all that others used, and calls past the sidecars make it larger', () => {
    expect(gap([metered()], [billed(), billed({ model: 'gpt-4o', billed: cu(5) })])).toEqual(bounded(10));
  });

  test('does not hide behind what could not be told apart by model', () => {
    expect(gap([metered({ model: '*', version: '*' })], [billed()])).toEqual(bounded(2));
  });

  test('has the whole bill of a day for which SAP gives no tokens', () => {
    const saps = [billed(), billed({ day: '2026-11-21', input: 0n, output: 0n, billed: cu(7) })];
    expect(gap([metered()], saps)).toEqual(bounded(7));
  });

  test('leaves out the day after the period, which only has what ran over midnight', () => {
    const ours = [metered({ day: lastDay, input: 100, output: 20 })];
    const saps = [billed({ day: lastDay }), billed({ day: '2026-12-01', output: 30n })];
    expect(gap(ours, saps)).toEqual(bounded(0));
  });

  test('adds up what ledgers of several budgets metered of one line', () => {
    const ours = [metered({ input: 40 }), metered({ input: 60, output: 0 })];
    expect(gap(ours, [billed()])).toEqual(bounded(0));
  });
});

describe('cached input', () => {
  const cached = metered({ input: 60, cacheRead: 40 });

  test('is part of SAP’s input where a day shows it on which nobody else has called', () => {
    const saps = [billed(), billed({ day: '2026-11-21', input: 200n, output: 20n, billed: cu(2) })];
    const ours = [cached, { ...cached, day: '2026-11-21', input: 60 }];
    // Of the second day 100 of 160 tokens that are not from a cache, and 10 of 20.
    expect(gap(ours, saps)).toEqual(bounded('2.5'));
  });

  test('explains nothing where no day shows it: any gap of a day is its whole bill', () => {
    expect(gap([cached], [billed({ output: 11n })])).toEqual(bounded(2));
    expect(gap([{ ...cached, output: 0 }], [billed({ output: 0n })])).toEqual(bounded(2));
  });

  test('explains nothing where one day contradicts another', () => {
    const ours = [cached, { ...cached, day: '2026-11-21' }];
    expect(gap(ours, [billed(), billed({ day: '2026-11-21', input: 60n })])).toEqual(bounded(2));
  });
});

describe('nothing can be said', () => {
  test.each([
    {
      name: 'where SAP has fewer tokens than were metered',
      saps: [billed({ input: 99n })],
      why: 'SAP has fewer tokens of gpt-5 2025-08-07 than were metered',
    },
    {
      name: 'where SAP has nothing at all of a model that was metered',
      saps: [billed({ version: 'other' })],
      why: 'SAP has fewer tokens of gpt-5 2025-08-07 than were metered',
    },
    {
      name: 'where SAP corrected figures below zero',
      saps: [billed(), billed({ day: '2026-11-21', billed: -1n })],
      why: 'SAP has corrected its figures of gpt-5 2025-08-07 below zero',
    },
    {
      name: 'where SAP billed nothing for tokens that were not metered',
      saps: [billed({ output: 11n, billed: 0n })],
      why: 'SAP has tokens of gpt-5 2025-08-07 on 2026-11-20 that it billed nothing for',
    },
  ])('$name', ({ saps, why }) => {
    expect(gap([metered()], saps)).toEqual({ state: 'unusable', why });
  });
});

/** A call as it really was: rates of its model, and who knows of it. */
const call = fc.record({
  day: fc.integer({ min: 1, max: 2 }),
  model: fc.constantFrom('a', 'b'),
  input: fc.oneof(fc.constantFrom(1, 500), fc.integer({ min: 1, max: 500 })),
  cacheRead: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 500 })),
  output: fc.oneof(fc.constantFrom(0, 500), fc.integer({ min: 0, max: 500 })),
  /** Price of a plain token in percent of the cheapest kind. */
  kind: fc.oneof(fc.constantFrom(100, 200), fc.integer({ min: 100, max: 200 })),
  cachedKind: fc.integer({ min: 0, max: 100 }),
  by: fc.constantFrom<'metered' | 'lost' | 'native'>('metered', 'lost', 'native'),
});
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

const rates = { a: { input: 3n, output: 17n }, b: { input: 250n, output: 1n } } as const;

function costOf({ model, input, cacheRead, output, kind, cachedKind }: Call): bigint {
  const rate = model === 'a' ? rates.a : rates.b;
  const plain = (rate.input * BigInt(input) + rate.output * BigInt(output)) * BigInt(kind);
  return plain + rate.input * BigInt(cacheRead) * BigInt(cachedKind);
}
function dayOf({ day }: Call): string {
  return `2026-11-0${day}`;
}
function billOf(one: Call, cachedIncluded: boolean): BilledLine {
  const input = BigInt(one.input + (cachedIncluded ? one.cacheRead : 0));
  const amounts = { input, output: BigInt(one.output), billed: costOf(one) };
  return { day: dayOf(one), model: one.model, version: '1', ...amounts };
}
function meterOf(one: Call): MeteredUsage {
  const { model, input, cacheRead, output } = one;
  return { day: dayOf(one), model, version: '1', input, cacheRead, output, spent: cu(1) };
}

/** The gap where only those that were metered are known, and what the lost ones cost. */
function boundOf(calls: readonly Call[], cachedIncluded: boolean): { amount: bigint; cost: bigint } {
  const found = gapOf({
    metered: calls.filter(({ by }) => by === 'metered').map(meterOf),
    billed: calls.map((one) => billOf(one, cachedIncluded)),
    lastDay,
  });
  const lost = calls.filter(({ by }) => by === 'lost');
  const amount = found.state === 'bounded' ? found.amount : -1n;
  return { amount, cost: lost.reduce((sum, one) => sum + costOf(one), 0n) };
}

describe('whatever was called', () => {
  test('the gap is never less than what lost calls cost, at any kind of token, with cached input in SAP’s count', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 8 }), (calls) => {
        // What would only be told by chance is left out: a lost call without output on a day that agrees otherwise.
        const { amount, cost } = boundOf(
          calls.map((one) => ({ ...one, output: one.output + 1 })),
          true,
        );
        expect(amount).toBeGreaterThanOrEqual(cost);
      }),
      { numRuns: 2000 },
    );
  });

  test('neither is it where SAP counts cached input beside, and some was metered', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 8 }), (calls) => {
        const cached = (['a', 'b'] as const).map((model): Call => ({ ...plainCall, model, by: 'metered' }));
        const { amount, cost } = boundOf([...calls, ...cached], false);
        expect(amount).toBeGreaterThanOrEqual(cost);
      }),
      { numRuns: 2000 },
    );
  });

  test('nothing is bounded by less because something else was called, too', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 8 }), call, (calls, other) => {
        const some = calls.map((one) => ({ ...one, cacheRead: 0 }));
        const known = some.filter(({ by }) => by === 'metered').map(meterOf);
        const amount = (more: readonly Call[]): bigint => {
          const found = gapOf({ metered: known, billed: more.map((one) => billOf(one, true)), lastDay });
          return found.state === 'bounded' ? found.amount : -1n;
        };
        expect(amount([...some, other])).toBeGreaterThanOrEqual(amount(some));
      }),
      { numRuns: 1000 },
    );
  });
});

const plainCall = { day: 2, input: 5, cacheRead: 7, output: 1, kind: 100, cachedKind: 50 };
