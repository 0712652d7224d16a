import { utcDay } from '../../accounting/metered-usage.ts';

const dayMs = 86_400_000;

/** The month (`YYYY-MM`) of a day. */
export function monthOf(day: string): string {
  return day.slice(0, 7);
}

/** The day before or after by so many days. */
export function addDays(day: string, days: number): string {
  return utcDay(Date.parse(day) + days * dayMs);
}

/** First and last day of a month. */
export function daysOfMonth(month: string): { from: string; to: string } {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return { from: `${month}-01`, to: utcDay(Date.UTC(year, number, 0)) };
}

/** Months that a span of days touches, in order. */
export function monthsBetween({ from, to }: { from: string; to: string }): string[] {
  const months: string[] = [];
  for (let day = from; monthOf(day) <= monthOf(to); day = addDays(daysOfMonth(monthOf(day)).to, 1))
    months.push(monthOf(day));
  return months;
}
