import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTimeZone, nextPeriod, type Period, PeriodError, periodAt } from './period.ts';

/** Zones with summer time, without it, with a change at midnight, at 00:01, of half an hour, and of a whole day. */
const zones = [
  'Etc/UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'America/St_Johns',
  'America/Havana',
  'America/Santiago',
  'America/Asuncion',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Africa/Monrovia',
  'Asia/Beirut',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'Pacific/Chatham',
  'Pacific/Pago_Pago',
];
const startDays = fc.integer({ min: 1, max: 28 });
const instants = fc.integer({ min: Date.UTC(1971, 2, 1), max: Date.UTC(2100, 0, 1) });

function written({ name, startMs, endMs }: Period): string[] {
  return [name, new Date(startMs).toISOString(), new Date(endMs).toISOString()];
}

describe('periodAt', () => {
  test.each([
    {
      name: 'a month of UTC',
      at: '2026-11-23T20:00:00Z',
      rule: { timeZone: 'Etc/UTC', startDay: 1 },
      want: ['2026-11', '2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
    },
    {
      name: 'its first moment',
      at: '2026-11-01T00:00:00Z',
      rule: { timeZone: 'Etc/UTC', startDay: 1 },
      want: ['2026-11', '2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
    },
    {
      name: 'its last moment',
      at: '2026-11-30T23:59:59.999Z',
      rule: { timeZone: 'Etc/UTC', startDay: 1 },
      want: ['2026-11', '2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
    },
    {
      name: 'a period named by the month in which it starts',
      at: '2027-01-14T23:59:59Z',
      rule: { timeZone: 'Etc/UTC', startDay: 15 },
      want: ['2026-12', '2026-12-15T00:00:00.000Z', '2027-01-15T00:00:00.000Z'],
    },
    {
      name: 'February from its last common day',
      at: '2028-02-29T12:00:00Z',
      rule: { timeZone: 'Etc/UTC', startDay: 28 },
      want: ['2028-02', '2028-02-28T00:00:00.000Z', '2028-03-28T00:00:00.000Z'],
    },
    {
      name: 'a zone east of UTC, on its own side of the month',
      at: '2026-10-31T23:30:00Z',
      rule: { timeZone: 'Europe/Berlin', startDay: 1 },
      want: ['2026-11', '2026-10-31T23:00:00.000Z', '2026-11-30T23:00:00.000Z'],
    },
    {
      name: 'a month that is an hour longer because summer time ends',
      at: '2026-10-15T00:00:00Z',
      rule: { timeZone: 'Europe/Berlin', startDay: 1 },
      want: ['2026-10', '2026-09-30T22:00:00.000Z', '2026-10-31T23:00:00.000Z'],
    },
    {
      name: 'a start day on which summer time begins',
      at: '2026-03-29T12:00:00Z',
      rule: { timeZone: 'Europe/Berlin', startDay: 28 },
      want: ['2026-03', '2026-03-27T23:00:00.000Z', '2026-04-27T22:00:00.000Z'],
    },
    {
      name: 'a start day whose midnight the clocks skip',
      at: '2018-11-04T04:00:00Z',
      rule: { timeZone: 'America/Sao_Paulo', startDay: 4 },
      want: ['2018-11', '2018-11-04T03:00:00.000Z', '2018-12-04T02:00:00.000Z'],
    },
    {
      name: 'a start day whose midnight comes twice',
      at: '2026-11-01T05:30:00Z',
      rule: { timeZone: 'America/Havana', startDay: 1 },
      want: ['2026-11', '2026-11-01T04:00:00.000Z', '2026-12-01T05:00:00.000Z'],
    },
    {
      name: 'clocks that go back over midnight into the day before: the period has begun',
      at: '2009-11-01T03:15:00Z', // 23:45 of 31 October once more; 1 November had begun at 02:30Z
      rule: { timeZone: 'America/St_Johns', startDay: 1 },
      want: ['2009-11', '2009-11-01T02:30:00.000Z', '2009-12-01T03:30:00.000Z'],
    },
    {
      name: 'the day after one that a zone left out',
      at: '2011-12-31T00:00:00Z',
      rule: { timeZone: 'Pacific/Apia', startDay: 28 },
      want: ['2011-12', '2011-12-28T10:00:00.000Z', '2012-01-27T10:00:00.000Z'],
    },
    {
      name: 'an offset with seconds',
      at: '1971-05-05T00:00:00Z',
      rule: { timeZone: 'Africa/Monrovia', startDay: 1 },
      want: ['1971-05', '1971-05-01T00:44:30.000Z', '1971-06-01T00:44:30.000Z'],
    },
  ])('finds $name', ({ at, rule, want }) => {
    expect(written(periodAt(Date.parse(at), rule))).toEqual(want);
  });

  test('contains the instant, and every other instant of the period has the same one', () => {
    fc.assert(
      fc.property(instants, fc.constantFrom(...zones), startDays, (at, timeZone, startDay) => {
        const rule = { timeZone, startDay };
        const period = periodAt(at, rule);
        expect(period.startMs <= at && at < period.endMs).toBe(true);
        expect(periodAt(period.startMs, rule)).toEqual(period);
        expect(periodAt(period.endMs - 1, rule)).toEqual(period);
      }),
      { numRuns: 300 },
    );
  });

  test('starts on its start day, or right after clocks that skipped it', () => {
    fc.assert(
      fc.property(instants, fc.constantFrom(...zones), startDays, (at, timeZone, startDay) => {
        const { name, startMs } = periodAt(at, { timeZone, startDay });
        const dayAt = (instantMs: number): string =>
          new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(instantMs);
        const first = `${name}-${String(startDay).padStart(2, '0')}`;
        expect(dayAt(startMs) >= first).toBe(true);
        expect(dayAt(startMs - 1) < first).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('is followed by the next without gap or overlap, month by month', () => {
    fc.assert(
      fc.property(instants, fc.constantFrom(...zones), startDays, (at, timeZone, startDay) => {
        const rule = { timeZone, startDay };
        const period = periodAt(at, rule);
        const next = nextPeriod(period, rule);
        expect(next.startMs).toBe(period.endMs);
        const [year = 0, month = 0] = period.name.split('-').map(Number);
        expect(next.name).toBe(new Date(Date.UTC(year, month)).toISOString().slice(0, 7));
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ['time_zone_unknown', 0, { timeZone: 'Europe/Atlantis', startDay: 1 }],
    ['time_zone_unknown', 0, { timeZone: '+01:00', startDay: 1 }],
    ['start_day_invalid', 0, { timeZone: 'Etc/UTC', startDay: 29 }],
    ['start_day_invalid', 0, { timeZone: 'Etc/UTC', startDay: 0 }],
    ['start_day_invalid', 0, { timeZone: 'Etc/UTC', startDay: 1.5 }],
    ['instant_out_of_range', Number.NaN, { timeZone: 'Etc/UTC', startDay: 1 }],
    ['instant_out_of_range', -1e15, { timeZone: 'Etc/UTC', startDay: 1 }],
    ['instant_out_of_range', 1e15, { timeZone: 'Etc/UTC', startDay: 1 }],
  ])('says %s for %s ms off and the rule %j', (reason, offset, rule) => {
    const run = (): Period => periodAt(Date.UTC(2026, 0, 1) + offset, rule);
    expect(run).toThrow(PeriodError);
    expect(run).toThrow(expect.objectContaining({ reason }));
  });
});

test.each([
  ['Etc/UTC', true],
  ['UTC', true],
  ['Europe/Berlin', true],
  ['Etc/GMT+5', true],
  ['Europe/Atlantis', false],
  ['+01:00', false],
  ['', false],
  [' ', false],
  ['a'.repeat(65), false],
])('%s is a time zone: %s', (text, want) => {
  expect(isTimeZone(text)).toBe(want);
});
