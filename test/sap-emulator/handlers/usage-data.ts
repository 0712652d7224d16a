import { z } from 'zod';
import { send, sendJson } from '../answers.ts';
import type { Exchange } from '../exchange.ts';
import { costRows, dailyRows, monthlyRows, rowsAsJson } from '../usage-rows.ts';
import type { DaySpan, UsageRow } from '../usage-rows.ts';

const month = z.string().regex(/^\d{4}(0[1-9]|1[0-2])$/);
const day = z.string().regex(/^\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$/);
const monthsQuery = z.object({ fromDate: month, toDate: month });
const daysQuery = z.object({
  subaccountId: z.string().min(1),
  fromDate: day,
  toDate: day,
  periodPerspective: z.literal('DAY'),
});

/** `GET /reports/v1/monthlyUsage`, and the same for a directory: whole months of the global account. */
export function monthlyUsage(exchange: Exchange): void {
  sendMonths(exchange, monthlyRows);
}

/** `GET /reports/v1/monthlySubaccountsCost` */
export function monthlyCost(exchange: Exchange): void {
  sendMonths(exchange, costRows);
}

/** `GET /reports/v1/subaccountUsage`: one subaccount by day. SAP's words want a user's grant for it. */
export function subaccountUsage(exchange: Exchange): void {
  const { world, url } = exchange;
  if (world.config.usageData.dailyForbidden) {
    sendProblem(exchange, 403, 'Forbidden: a token of grant type password is required');
    return;
  }
  const query = daysQuery.safeParse(Object.fromEntries(url.searchParams));
  if (!query.success) {
    sendProblem(exchange, 400, z.prettifyError(query.error));
    return;
  }
  const { subaccountId, fromDate, toDate } = query.data;
  const span = { from: isoDay(fromDate), to: isoDay(toDate) };
  sendRows(exchange, dailyRows(world.usageBooks, world.config, { subaccountId, ...span }));
}

/** `GET /reports/v1/cloudCreditsDetails`: money, not capacity units. */
export function cloudCredits({ response }: Exchange): void {
  sendJson(response, 200, {
    globalAccountId: '00000000-0000-4000-8000-000000000050',
    globalAccountName: 'ACME',
    contracts: [],
  });
}

function sendMonths(exchange: Exchange, rowsOf: typeof monthlyRows): void {
  const { world, url } = exchange;
  const query = monthsQuery.safeParse(Object.fromEntries(url.searchParams));
  if (!query.success) {
    sendProblem(exchange, 400, z.prettifyError(query.error));
    return;
  }
  const { fromDate, toDate } = query.data;
  const span: DaySpan = { from: isoDay(`${fromDate}01`), to: isoDay(`${toDate}28`) };
  sendRows(exchange, rowsOf(world.usageBooks, world.config, span));
}

function sendRows(exchange: Exchange, rows: readonly UsageRow[]): void {
  const body = rowsAsJson({ content: exchange.empty ? [] : rows });
  send(exchange.response, 200, {
    body: exchange.truncate ? body.slice(0, body.length >> 1) : body,
    headers: { 'content-type': 'application/json' },
  });
}

function sendProblem({ response }: Exchange, status: number, message: string): void {
  sendJson(response, status, { error: { message } });
}

function isoDay(date: string): string {
  return `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`;
}
