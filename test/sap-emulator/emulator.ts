import { setMaxListeners } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { createAccessTokens } from './access-tokens.ts';
import { createBooks } from './books.ts';
import type { Books } from './books.ts';
import { createCapturedRequests } from './captured-requests.ts';
import type { CapturedRequests } from './captured-requests.ts';
import { parseConfig } from './config.ts';
import type { EmulatorConfig, EmulatorConfigInput, Tenant } from './config.ts';
import { dispatch } from './dispatch.ts';
import { EmulatorError } from './errors.ts';
import type { World } from './exchange.ts';
import { faultRule } from './fault-names.ts';
import type { FaultRuleInput } from './fault-names.ts';
import { createFaultRules } from './faults.ts';
import { oauthClients } from './oauth-clients.ts';
import { serviceKey, serviceManagerKey, usageKey } from './service-key.ts';
import type { ServiceKey, ServiceManagerKey, UsageKey } from './service-key.ts';
import { createUsageBooks } from './usage-books.ts';

/** How to start an emulator. */
export interface EmulatorOptions {
  /** Address to listen on; by default only this machine can reach it. */
  host?: string;
  /** 0, the default, takes any free port. */
  port?: number;
  config?: EmulatorConfigInput;
  /** Milliseconds since 1970; decides about token expiry and the factor in force. */
  now?: () => number;
}

/** A running emulator. */
export interface Emulator {
  /** Its origin, without a trailing slash. */
  readonly url: string;
  readonly books: Books;
  readonly captured: CapturedRequests;
  /** The service key of the n-th tenant of the configuration (the first is 0). */
  serviceKey(tenant?: number): ServiceKey;
  /** A key of Service Manager for the subaccount of the n-th tenant. */
  serviceManagerKey(tenant?: number): ServiceManagerKey;
  /** A key of Usage Data Management for the whole global account, in either layout that is in use. */
  usageKey(layout?: 'flat' | 'nested'): UsageKey;
  /** Makes the usage of this day (`YYYY-MM-DD`, by default the current one) and of all before it visible. */
  closeDay(day?: string): void;
  /** Writes the bill of this month (`YYYY-MM`): all its days are visible, and its cost is no estimate any more. */
  closeMonth(month: string): void;
  addFault(rule: FaultRuleInput): void;
  /** Empties the books and the captured requests; the faults of the configuration stay. */
  reset(): void;
  /** Ends every connection and stops listening. */
  close(): Promise<void>;
}

/** Starts an emulator; it listens when the promise resolves. Throws `config_invalid`. */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const { host = '127.0.0.1', port = 0, now = Date.now } = options;
  const config = parseConfig(options.config ?? {});
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // one for each request under way
  const usageBooks = createUsageBooks();
  const books = createBooks(config.maxEntries, (admission, charge) => usageBooks.add(admission, charge));
  const clients = oauthClients(config);
  const captured = createCapturedRequests(config.maxCaptured);
  const faultRules = createFaultRules(config.faults, config.seed);
  const server = createServer();
  const origin = (): string => config.publicUrl?.replace(/\/+$/, '') ?? originOf(server);
  const accessTokens = createAccessTokens({
    clients,
    lifetimeSeconds: config.tokenLifetimeSeconds,
    now,
    origin,
  });
  const world: World = {
    config,
    books,
    usageBooks,
    clients,
    accessTokens,
    faultRules,
    captured,
    now,
    origin,
    closing: closing.signal,
  };
  const inFlight = serve(server, world);
  await listen(server, host, port);
  return {
    url: origin(),
    books,
    captured,
    serviceKey: (tenant = 0) => serviceKey(tenantAt(config, tenant), origin()),
    serviceManagerKey: (tenant = 0) => serviceManagerKey(clients, tenantAt(config, tenant), origin()),
    usageKey: (layout = 'flat') => usageKey(clients, layout, origin()),
    closeDay: (day) => usageBooks.close(day ?? new Date(now()).toISOString().slice(0, 10)),
    closeMonth: (month) => usageBooks.closeMonth(month),
    addFault: (rule) => faultRules.add([faultRule.parse(rule)]),
    reset: () => {
      books.reset();
      usageBooks.reset();
      captured.reset();
      faultRules.reset();
    },
    close: async () => {
      closing.abort();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      await closed;
      await Promise.all(inFlight);
    },
  };
}

function tenantAt({ tenants }: EmulatorConfig, index: number): Tenant {
  const found = tenants[index];
  if (found === undefined) {
    throw new RangeError(`the configuration has ${tenants.length} tenants, not ${index + 1}`);
  }
  return found;
}

/** Answers requests from now on; the set holds those that are under way. */
function serve(server: Server, world: World): ReadonlySet<Promise<void>> {
  const inFlight = new Set<Promise<void>>();
  server.on('request', (request, response) => {
    response.on('error', () => response.destroy());
    const done = dispatch(world, request, response).catch((error: unknown) => {
      process.stderr.write(`${request.method ?? ''} ${request.url ?? ''}: ${String(error)}\n`);
      response.destroy();
    });
    inFlight.add(done);
    void done.finally(() => inFlight.delete(done));
  });
  return inFlight;
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function originOf(server: Server): string {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') {
    throw new EmulatorError('config_invalid', 'the emulator is not listening on a port');
  }
  const { address, family, port } = bound;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
