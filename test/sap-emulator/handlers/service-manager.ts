import { createHash } from 'node:crypto';
import { sendJson } from '../answers.ts';
import type { Caller, Exchange } from '../exchange.ts';

type Item = Record<string, unknown>;

const createdAt = '2022-01-01T00:00:00.000000Z';
const updatedAt = '2026-01-01T00:00:00.000000Z';

/** `GET /v1/service_offerings`: what the subaccount is entitled to. */
export function listOfferings(exchange: Exchange, { tenant }: Caller): void {
  const names = [...(tenant.aiCorePlans.length > 0 ? ['aicore'] : []), 'uas', 'service-manager'];
  sendPage(exchange, names.map(showOffering));
}

/** `GET /v1/service_plans`: plans of those offerings. */
export function listPlans(exchange: Exchange, { tenant }: Caller): void {
  const others = [
    ['uas', 'reporting-ga-admin'],
    ['service-manager', 'subaccount-audit'],
  ] as const;
  const plans = [...tenant.aiCorePlans.map((plan) => ['aicore', plan] as const), ...others];
  sendPage(
    exchange,
    plans.map(([offering, plan]) => showPlan(offering, plan)),
  );
}

function sendPage(exchange: Exchange, all: readonly Item[]): void {
  const { url, response, world, truncate } = exchange;
  const query = url.searchParams.get('fieldQuery');
  const matches = query === null ? () => true : parseQuery(query);
  if (matches === undefined) {
    sendJson(response, 400, {
      error: 'BadRequest',
      description: `cannot parse query ${query?.slice(0, 200)}`,
    });
    return;
  }
  const start = Number(url.searchParams.get('token') ?? '0');
  const wanted = Number(url.searchParams.get('max_items') ?? world.config.serviceManagerPage);
  const size = Math.min(wanted, world.config.serviceManagerPage);
  const found = all.filter(matches);
  const items = found.slice(start, start + size);
  const token = start + size < found.length ? { token: String(start + size) } : {};
  sendJson(response, 200, { ...token, num_items: found.length, items }, { truncate });
}

/** `field eq 'value'`, several of them joined by `and`. */
function parseQuery(query: string): ((item: Item) => boolean) | undefined {
  const terms = query.split(' and ').map((term) => /^(\w+) eq '([^']*)'$/.exec(term.trim()));
  if (terms.includes(null)) {
    return undefined;
  }
  return (item) => terms.every((term) => term !== null && item[term[1] ?? ''] === term[2]);
}

function showOffering(name: string): Item {
  return {
    id: idOf(`offering ${name}`),
    ready: true,
    name,
    description: name,
    bindable: true,
    instances_retrievable: false,
    bindings_retrievable: true,
    plan_updateable: false,
    allow_context_updates: false,
    tags: [name],
    metadata: { displayName: name },
    broker_id: idOf(`broker ${name}`),
    broker_name: `${name}-broker`,
    catalog_id: idOf(`catalog ${name}`),
    catalog_name: name,
    data_center: 'cf-eu10',
    labels: {},
    created_at: createdAt,
    updated_at: updatedAt,
  };
}

function showPlan(offering: string, name: string): Item {
  return {
    id: idOf(`plan ${offering} ${name}`),
    ready: true,
    name,
    description: `${name} plan`,
    catalog_id: idOf(`catalog plan ${offering} ${name}`),
    catalog_name: name,
    free: name === 'free',
    bindable: true,
    plan_updateable: false,
    metadata: { supportedPlatforms: ['cloudfoundry', 'kubernetes', 'sapbtp'] },
    schemas: {},
    service_offering_id: idOf(`offering ${offering}`),
    labels: {},
    created_at: createdAt,
    updated_at: updatedAt,
  };
}

/** The same id for the same thing, in the form of one of SAP's. */
function idOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
