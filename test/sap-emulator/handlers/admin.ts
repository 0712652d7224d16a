import { z } from 'zod';
import { sendJson } from '../answers.ts';
import type { Exchange } from '../exchange.ts';
import { faultRule } from '../fault-names.ts';
import { serviceKey, serviceManagerKey, usageKey } from '../service-key.ts';

const booksQuery = z.strictObject({
  since: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(1000).optional(),
  clientId: z.string().max(253).optional(),
  requestId: z.string().max(64).optional(),
});

const requestsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(10_000).optional(),
  route: z.string().max(64).optional(),
});

const rules = z.union([faultRule, z.array(faultRule).min(1).max(64)]);

/** `GET /__emulator/books`: totals, and entries by page. */
export function readBooks(exchange: Exchange): void {
  const query = parseQuery(exchange, booksQuery);
  if (query !== undefined) {
    sendJson(exchange.response, 200, exchange.world.books.read(query));
  }
}

/** `GET /__emulator/requests`: the last requests that reached the emulator, and counts by route. */
export function readRequests(exchange: Exchange): void {
  const { captured } = exchange.world;
  const query = parseQuery(exchange, requestsQuery);
  if (query !== undefined) {
    const requests = captured.read(query);
    sendJson(exchange.response, 200, { counts: captured.counts(), requests });
  }
}

/** `POST /__emulator/reset`: empty books, no captured requests, the faults of the configuration. */
export function reset({ world, response }: Exchange): void {
  world.books.reset();
  world.usageBooks.reset();
  world.captured.reset();
  world.faultRules.reset();
  sendJson(response, 200, { reset: true });
}

/** `GET /__emulator/faults`: the rules in force. */
export function listFaults({ world, response }: Exchange): void {
  sendJson(response, 200, { rules: world.faultRules.list() });
}

/** `POST /__emulator/faults`: one rule or a list of them. */
export function addFaults({ world, response, body }: Exchange): void {
  const parsed = rules.safeParse(parseJson(body));
  if (!parsed.success) {
    sendJson(response, 400, { error: z.prettifyError(parsed.error) });
    return;
  }
  world.faultRules.add(Array.isArray(parsed.data) ? parsed.data : [parsed.data]);
  sendJson(response, 200, { rules: world.faultRules.list() });
}

/** `DELETE /__emulator/faults`: only the faults of the configuration stay. */
export function clearFaults({ world, response }: Exchange): void {
  world.faultRules.reset();
  sendJson(response, 200, { rules: world.faultRules.list() });
}

/** `GET /__emulator/service-keys`: keys for each tenant and for usage data, as SAP's cockpit would give them. */
export function readServiceKeys({ world, response }: Exchange): void {
  sendJson(response, 200, {
    serviceKeys: world.config.tenants.map((tenant) => serviceKey(tenant, world.origin())),
    serviceManagerKeys: world.config.tenants.map((tenant) =>
      serviceManagerKey(world.clients, tenant, world.origin()),
    ),
    usageKey: usageKey(world.clients, 'flat', world.origin()),
  });
}

const closing = z.strictObject({ day: z.iso.date().optional() });

/** `POST /__emulator/close-day`: usage of that day (by default the current one) and of those before it is shown. */
export function closeDay({ world, response, body }: Exchange): void {
  const parsed = closing.safeParse(body.length === 0 ? {} : parseJson(body));
  if (!parsed.success) {
    sendJson(response, 400, { error: z.prettifyError(parsed.error) });
    return;
  }
  world.usageBooks.close(parsed.data.day ?? new Date(world.now()).toISOString().slice(0, 10));
  sendJson(response, 200, { closedThrough: world.usageBooks.closedThrough() });
}

const billing = z.strictObject({ month: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/) });

/** `POST /__emulator/close-month`: the bill of that month is written, its cost is final. */
export function closeMonth({ world, response, body }: Exchange): void {
  const parsed = billing.safeParse(parseJson(body));
  if (!parsed.success) {
    sendJson(response, 400, { error: z.prettifyError(parsed.error) });
    return;
  }
  world.usageBooks.closeMonth(parsed.data.month);
  sendJson(response, 200, { billed: parsed.data.month });
}

function parseQuery<T>(exchange: Exchange, schema: z.ZodType<T>): T | undefined {
  const parsed = schema.safeParse(Object.fromEntries(exchange.url.searchParams));
  if (parsed.success) {
    return parsed.data;
  }
  sendJson(exchange.response, 400, { error: z.prettifyError(parsed.error) });
  return undefined;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
