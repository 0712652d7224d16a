import { describe, expect, test } from 'vitest';
import type { MeteredUsage } from '../../accounting/messages.ts';
import { maxDaysLength } from '../../crds/statement.ts';
import type { BilledUse } from './billed.ts';
import { splitMonth } from './read-billed.ts';
import { billedInText, encodeLines, statementLines } from './statement-lines.ts';

const cu = 1_000_000_000n;

function billed(rest: Partial<BilledUse> = {}): BilledUse {
  const tokens = { inputTokens: 10n, outputTokens: 5n };
  return { day: '2026-11-20', application: 'gpt-4o-2024-11-20', ...tokens, capacityUnits: cu, ...rest };
}

function metered(rest: Partial<MeteredUsage> = {}): MeteredUsage {
  const names = { day: '2026-11-20', model: 'gpt-4o', version: '2024-11-20' };
  return { ...names, input: 9, cacheRead: 1, output: 5, spent: cu / 2n, ...rest };
}

const total = (uses: readonly BilledUse[]): bigint => uses.reduce((sum, use) => sum + use.capacityUnits, 0n);

describe('lines of a statement', () => {
  test('put metered and billed usage of a day and model side by side, and show what only one of them has', () => {
    const lines = statementLines(
      [metered(), metered({ day: '2026-11-21', model: 'gpt-5', version: '2025-08-07' })],
      [
        billed(),
        billed({ application: 'anthropic--claude-4-sonnet-1' }),
        billed({ application: '', capacityUnits: 3n * cu }),
      ],
    );
    expect(encodeLines(lines).split('\n')).toEqual([
      'v1 day model version input cacheRead output metered billedInput billedOutput billed',
      '2026-11-20 - - 0 0 0 0 10 5 3',
      '2026-11-20 anthropic--claude-4-sonnet 1 0 0 0 0 10 5 1',
      '2026-11-20 gpt-4o 2024-11-20 9 1 5 0.5 10 5 1',
      '2026-11-21 gpt-5 2025-08-07 9 1 5 0.5 0 0 0',
    ]);
  });

  test('give back what was billed, corrections below zero included', () => {
    const uses = [
      billed(),
      billed({ application: 'gemini-1.5-pro-002-128k', capacityUnits: -cu / 4n, inputTokens: -3n }),
      billed({ application: '' }),
    ];
    const found = billedInText(encodeLines(statementLines([], uses)));
    expect(new Set(found)).toEqual(new Set(uses));
  });

  test('are bounded: the rest of a day is one line, and no amount is lost', () => {
    const uses = Array.from({ length: 3000 }, (_, index) => billed({ application: `model-${index}` }));
    const lines = statementLines([], uses);
    expect(encodeLines(lines).length).toBeLessThanOrEqual(maxDaysLength);
    expect(lines.length).toBe(1501);
    expect(lines.reduce((sum, line) => sum + line.billed, 0n)).toBe(3000n * cu);
  });

  test('have names of any length and kind within their bounds', () => {
    const application = 'größe '.repeat(80);
    const [line] = statementLines([], [billed({ application })]);
    expect(line?.model).toMatch(/^[!-~]{64}$/);
  });

  test('that nobody can read tell nothing', () => {
    expect(billedInText('')).toEqual([]);
    expect(billedInText('v9 x\n2026-11-20 a b')).toEqual([]);
    const [header] = encodeLines([]).split('\n');
    expect(billedInText(`${header}\nnonsense\n2026-11-20 m 1 0 0 0 0 x 5 1`)).toEqual([]);
  });
});

describe('a sum of the month', () => {
  const nothing = { uses: [], through: undefined };

  test('that is the first is put on the day before it was read', () => {
    const found = splitMonth({ now: [billed({ day: '2026-11-01' })], before: nothing, day: '2026-11-20' });
    expect(found).toEqual({ source: 'Monthly', uses: [billed()], through: '2026-11-20' });
  });

  test('is told apart into days by what was there before, also when it is read several times a day', () => {
    let found = splitMonth({ now: [billed()], before: nothing, day: '2026-11-20' });
    for (const units of [2n, 3n, 3n])
      found = splitMonth({ now: [billed({ capacityUnits: units * cu })], before: found, day: '2026-11-21' });
    expect(found.uses.map(({ day, capacityUnits }) => [day, capacityUnits])).toEqual([
      ['2026-11-20', cu],
      ['2026-11-21', 2n * cu],
    ]);
    expect(found.through).toBe('2026-11-21');
  });

  test('that has not grown brings no day and says how old it is', () => {
    const before = splitMonth({ now: [billed()], before: nothing, day: '2026-11-20' });
    const found = splitMonth({ now: [billed()], before, day: '2026-11-22' });
    expect(found).toEqual(before);
  });

  test('that was corrected always adds up to what SAP says', () => {
    const before = splitMonth({
      now: [billed({ capacityUnits: 5n * cu })],
      before: nothing,
      day: '2026-11-20',
    });
    const found = splitMonth({ now: [billed({ capacityUnits: 4n * cu })], before, day: '2026-11-21' });
    expect(found.uses.at(-1)).toMatchObject({ day: '2026-11-21', capacityUnits: -cu });
    expect(total(found.uses)).toBe(4n * cu);
  });
});
