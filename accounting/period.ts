/** When a budget's periods begin. */
export interface PeriodRule {
  /** IANA name, such as `Europe/Berlin`. */
  readonly timeZone: string;
  /** Day of the month, 1 to 28, so that every month has it. */
  readonly startDay: number;
}

/** One period: from `startMs` on, before `endMs` (ms since 1970). */
export interface Period {
  /** The month in which it starts, such as `2026-11`. */
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** Why there is no period. */
export type PeriodErrorReason = 'time_zone_unknown' | 'start_day_invalid' | 'instant_out_of_range';

/** A rule or instant that has no period. */
export class PeriodError extends Error {
  override readonly name = 'PeriodError';
  readonly reason: PeriodErrorReason;

  constructor(reason: PeriodErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

const hourMs = 3_600_000;
/** No zone is, or was since 1970, further from UTC; the days around a boundary are searched this far. */
const searchMs = 36 * hourMs;
const earliestMs = Date.UTC(1971, 0, 1);
const latestMs = Date.UTC(9999, 0, 1);

/**
 * The calendar period that contains an instant (ms since 1970). Periods begin with the first moment of their
 * start day in the time zone: 00:00, or when the clocks skip that, whatever comes first after it. They follow each
 * other without gap or overlap, also where clocks go back over midnight.
 *
 * @throws PeriodError
 */
export function periodAt(instantMs: number, { timeZone, startDay }: PeriodRule): Period {
  if (!Number.isInteger(startDay) || startDay < 1 || startDay > 28) {
    throw new PeriodError('start_day_invalid', `the start day must be from 1 to 28, not ${startDay}`);
  }
  if (!(instantMs >= earliestMs && instantMs < latestMs)) {
    throw new PeriodError('instant_out_of_range', `${instantMs} is not an instant from 1971 to 9998`);
  }
  const clock = requireClock(timeZone);
  const startOf = (month: number): number => startOfDay(Date.UTC(1970, month, startDay), clock);
  let month = monthOf(wallTime(instantMs, clock));
  while (startOf(month) > instantMs) month -= 1;
  while (startOf(month + 1) <= instantMs) month += 1;
  return { name: nameOf(month), startMs: startOf(month), endMs: startOf(month + 1) };
}

/** The period that follows one of the same rule; throws as `periodAt` does. */
export function nextPeriod(period: Period, rule: PeriodRule): Period {
  return periodAt(period.endMs, rule);
}

/** Whether a text names a time zone this program knows; offsets such as `+01:00` are not names. */
export function isTimeZone(text: string): boolean {
  if (!/^[A-Za-z]/.test(text) || text.length > 64) return false;
  try {
    createClock(text);
    return true;
  } catch {
    // Intl has no other way to ask than to try.
    return false;
  }
}

type Clock = Intl.DateTimeFormat;

function requireClock(timeZone: string): Clock {
  if (!isTimeZone(timeZone)) {
    throw new PeriodError(
      'time_zone_unknown',
      `${JSON.stringify(timeZone.slice(0, 64))} is not a time zone: use an IANA name such as Europe/Berlin`,
    );
  }
  return createClock(timeZone);
}

/** @throws RangeError for a name that is not known */
function createClock(timeZone: string): Clock {
  return new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
}

/** What the clocks of the zone show, to the second, as if it were UTC (ms). */
function wallTime(instantMs: number, clock: Clock): number {
  const parts = Object.fromEntries(
    clock.formatToParts(instantMs).map(({ type, value }) => [type, Number(value)]),
  );
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** Months since January 1970 of a wall time. */
function monthOf(wallMs: number): number {
  const date = new Date(wallMs);
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
}

function nameOf(month: number): string {
  return new Date(Date.UTC(1970, month)).toISOString().slice(0, 7);
}

/** The first instant at which the clocks show this midnight (wall time in ms) or anything after it. */
function startOfDay(midnight: number, clock: Clock): number {
  const earlier = midnight - searchMs;
  const later = midnight + searchMs;
  const offsetBefore = wallTime(earlier, clock) - earlier;
  const offsetAfter = wallTime(later, clock) - later;
  if (offsetBefore === offsetAfter) return midnight - offsetBefore;
  const changeMs = changeOfOffset({ from: earlier, until: later, offsetBefore }, clock);
  if (midnight - offsetBefore < changeMs) return midnight - offsetBefore;
  return Math.max(changeMs, midnight - offsetAfter);
}

/** The instant from which another offset holds; clocks change on whole seconds. */
function changeOfOffset(span: { from: number; until: number; offsetBefore: number }, clock: Clock): number {
  let { from, until } = span;
  while (until - from > 1000) {
    const middle = from + Math.floor((until - from) / 2000) * 1000;
    if (wallTime(middle, clock) - middle === span.offsetBefore) from = middle;
    else until = middle;
  }
  return until;
}
