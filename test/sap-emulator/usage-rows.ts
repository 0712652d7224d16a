import type { EmulatorConfig, Tenant } from './config.ts';
import { formatExact, parseExact } from './exact.ts';
import type { Exact } from './exact.ts';
import { measuresOf, sumOfDays } from './usage-books.ts';
import type { DayUsage, UsageBooks } from './usage-books.ts';

/** A row of usage data; `usage` is a number that keeps all its decimals when it is sent. */
export type UsageRow = Record<string, unknown>;

/** Days asked for, first and last (`YYYY-MM-DD`). */
export interface DaySpan {
  from: string;
  to: string;
}

const numberMark = '@number:';
const foreignTenant = { identityZone: 'not-ours', identityZoneId: '00000000-0000-4000-8000-0000000000ff' };
const account = { globalAccountId: '00000000-0000-4000-8000-000000000050', globalAccountName: 'ACME' };

/** Rows of every month in the span (its days count), each summed over the month. */
export function monthlyRows(books: UsageBooks, config: EmulatorConfig, span: DaySpan): UsageRow[] {
  return monthsOf(span).flatMap((month) => {
    const days = books.shown().filter(({ day }) => day.startsWith(month));
    const dates = { startIsoDate: `${month}-01`, endIsoDate: followingMonth(month) };
    const period = { reportYearMonth: Number(month.replace('-', '')), ...dates };
    const own = sumOfDays(days).flatMap((usage) => usageRows(usage, tenantOf(config, usage), period));
    return [...own, ...otherRows(config, books.closedThrough()?.startsWith(month) === true, period)];
  });
}

/** Rows of one subaccount by day. */
export function dailyRows(
  books: UsageBooks,
  config: EmulatorConfig,
  { subaccountId, from, to }: DaySpan & { subaccountId: string },
): UsageRow[] {
  const own = books.shown().filter(({ day }) => day >= from && day <= to);
  const rows = own.flatMap((usage) => usageRows(usage, tenantOf(config, usage), periodOf(usage.day)));
  const closed = books.closedThrough();
  const beside =
    closed !== undefined && closed >= from && closed <= to ? otherRows(config, true, periodOf(closed)) : [];
  return [...rows, ...beside].filter((row) => row['subaccountId'] === subaccountId);
}

/** The cost of a month, on the one measure that is charged; estimated until the month is billed. */
export function costRows(books: UsageBooks, config: EmulatorConfig, span: DaySpan): UsageRow[] {
  return monthlyRows(books, config, span)
    .filter((row) => row['serviceId'] === 'ai-core' && row['measureId'] === 'capacity_units')
    .map(({ application: _application, instanceId: _instance, ...row }) => ({
      ...row,
      actualUsage: row['usage'],
      cost: row['usage'],
      currency: 'EUR',
      cloudCreditsCost: row['usage'],
      paygCost: numberOf(parseExact('0')),
      crmSku: '8000000',
      quota: numberOf(parseExact('0')),
      estimated: !books.isBilled(String(row['startIsoDate']).slice(0, 7)),
    }));
}

/** JSON in which marked texts are numbers: JavaScript's own would lose decimals. */
export function rowsAsJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/"@number:([0-9.]+)"/g, '$1');
}

function usageRows(
  usage: DayUsage,
  tenant: Pick<Tenant, 'identityZone' | 'identityZoneId'>,
  period: object,
): UsageRow[] {
  return measuresOf(usage).map(([measureId, amount]) => ({
    ...rowHead(tenant, aiCore),
    instanceId: usage.resourceGroup,
    identityZone: tenant.identityZoneId,
    application: usage.application,
    ...measure(measureId, amount),
    ...period,
  }));
}

const aiCore = { serviceId: 'ai-core', serviceName: 'SAP AI Core', plan: 'extended', planName: 'Extended' };
const database = {
  serviceId: 'hana-cloud',
  serviceName: 'SAP HANA Cloud',
  plan: 'hana',
  planName: 'SAP HANA',
};

/** What a global account has besides: AI Core of a subaccount that is not served here, and another service. */
function otherRows(
  { tenants, usageData }: EmulatorConfig,
  anyDayClosed: boolean,
  period: object,
): UsageRow[] {
  if (!usageData.otherRows || !anyDayClosed) {
    return [];
  }
  const foreign = measure('capacity_units', parseExact('5000'));
  const hana = measure('capacity_units', parseExact('77.5'));
  return [
    {
      ...rowHead(foreignTenant, aiCore),
      instanceId: 'default',
      application: 'gpt-4o-2024-08-06',
      ...foreign,
      ...period,
    },
    ...tenants.map((tenant) => ({
      ...rowHead(tenant, database),
      instanceId: null,
      application: null,
      ...hana,
      ...period,
    })),
  ];
}

function rowHead(
  { identityZone, identityZoneId }: Pick<Tenant, 'identityZone' | 'identityZoneId'>,
  service: object,
): UsageRow {
  return {
    ...account,
    subaccountId: identityZoneId,
    subaccountName: identityZone,
    directoryId: '',
    directoryName: '',
    ...service,
    environmentInstanceId: null,
    environmentInstanceName: null,
    spaceId: null,
    spaceName: null,
    dataCenter: 'cf-eu10',
    dataCenterName: 'Europe (Frankfurt)',
  };
}

const units: Record<string, readonly [string, string]> = {
  input_tokens: ['Input Tokens', 'Token'],
  output_tokens: ['Output Tokens', 'Token'],
  genai_token: ['GenAI Tokens', 'GenAI Token'],
  capacity_units_genai_token: ['Capacity Units (GenAI Token)', 'Capacity Unit'],
  capacity_units: ['Capacity Units', 'Capacity Unit'],
};

function measure(measureId: string, amount: Exact): UsageRow {
  const [metricName = measureId, unit = ''] = units[measureId] ?? [];
  return { measureId, metricName, unitSingular: unit, unitPlural: `${unit}s`, usage: numberOf(amount) };
}

/** SAP writes whole numbers with a decimal. */
function numberOf(amount: Exact): string {
  const text = formatExact(amount);
  return `${numberMark}${text.includes('.') ? text : `${text}.0`}`;
}

function periodOf(day: string): UsageRow {
  const date = Number(day.replaceAll('-', ''));
  const next = new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
  return {
    categoryId: 5,
    categoryName: 'Services',
    startIsoDate: day,
    endIsoDate: next,
    periodStartDate: date,
    periodEndDate: date,
  };
}

function tenantOf({ tenants }: EmulatorConfig, { clientId }: DayUsage): Tenant {
  const found = tenants.find((tenant) => tenant.clientId === clientId);
  if (found === undefined) {
    throw new RangeError(`usage of ${clientId}, who is nobody's client`);
  }
  return found;
}

function monthsOf({ from, to }: DaySpan): string[] {
  const months: string[] = [];
  for (let month = from.slice(0, 7); month <= to.slice(0, 7); month = followingMonth(month).slice(0, 7)) {
    months.push(month);
  }
  return months;
}

/** First day of the month after `YYYY-MM`. */
function followingMonth(month: string): string {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number, 1)).toISOString().slice(0, 10);
}
