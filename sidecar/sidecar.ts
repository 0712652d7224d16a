import type { Logger } from 'pino';
import { createAdminServer } from './admin.ts';
import { Bodies } from './bodies.ts';
import { Booking } from './booking.ts';
import { type Clock, systemClock } from './clock.ts';
import type { SidecarConfig } from './config.ts';
import { Configuration, type CurrentBudget } from './configuration.ts';
import { Denials } from './denials.ts';
import { ReadOns } from './read-on.ts';
import { Receipts } from './receipts.ts';
import { AppKeys } from './keys.ts';
import { Leases } from './leases.ts';
import { closeServer, listen } from './listen.ts';
import { type SidecarMetrics, createMetrics, startBudgetAtZero } from './metrics.ts';
import { showLeases } from './lease-metrics.ts';
import { type OperatorClient, createOperatorClient } from './operator-client.ts';
import { sleep } from './pause.ts';
import { SapTokens } from './sap-token.ts';
import { type AppServer, createAppServer } from './server.ts';
import type { Life, Services } from './services.ts';
import { createUpstream } from './upstream.ts';

/** A running sidecar. */
export interface Sidecar {
  /** Where the application reaches it. */
  readonly origin: string;
  /** Where metrics and probes are. */
  readonly adminOrigin: string;
  /** Resolves with the reason when the sidecar may not go on: another process holds its leases. */
  readonly fatal: Promise<Error>;
  /** Drains, gives back what is idle, and ends. Bounded by the drain time. */
  close(): Promise<void>;
}

/**
 * Bodies of all requests under way together, unless one alone may be larger. Each is in memory up to three times while it
 * is sent, and an injected sidecar may use 256 MiB.
 */
const minBodiesBytes = 64 * 1024 * 1024;
/** Time after the drain for the last report, in ms. */
const lastReportMs = 3000;
/** Time in which clients are told that their requests were cut off, in ms. */
const lastWordMs = 500;

/**
 * Starts a sidecar. The application's port is bound before any journal is opened and stays bound until all are
 * closed: so no two processes of a pod ever spend from one journal.
 */
export async function startSidecar(
  config: SidecarConfig,
  { log, clock = systemClock }: { log: Logger; clock?: Clock },
): Promise<Sidecar> {
  let services: Services | undefined;
  const app = createAppServer(() => services);
  const origin = await listen(app.server, config.listen);
  const program = assemble(config, { log, clock, origin });
  program.services.leases.recover();
  services = program.services;
  const { configuration } = program.services;
  const admin = createAdminServer({
    registry: program.services.metrics.registry,
    ready: () => configuration.loaded && !program.life.refusing,
    beforeScrape: () => showLeases(program.services),
  });
  const adminOrigin = await listen(admin, config.adminListen);
  const polling = configuration.run(program.polling.signal);
  log.info({ origin, adminOrigin }, 'sidecar listens');
  const close = async () => {
    program.life.refusing = true;
    program.polling.abort(new Error('closing'));
    await drain(app, config.drainMs, program.stopping);
    await program.services.leases.close(AbortSignal.timeout(lastReportMs));
    // Journals are closed: from here on another process may take over.
    await closeServer(app.server);
    await closeServer(admin);
    await polling;
    await program.closeClients();
    log.info('sidecar has ended');
  };
  let closing: Promise<void> | undefined;
  return { origin, adminOrigin, fatal: program.fatal, close: () => (closing ??= close()) };
}

function assemble(
  config: SidecarConfig,
  { log, clock, origin }: { log: Logger; clock: Clock; origin: string },
) {
  const polling = new AbortController();
  const stopping = new AbortController();
  const life: Life & { refusing: boolean } = { refusing: false };
  const { promise: fatal, resolve } = Promise.withResolvers<Error>();
  const onFatal = (error: Error) => {
    life.refusing = true;
    resolve(error);
  };
  const metrics = createMetrics();
  const memory = memoryOf(config);
  const operator = operatorOf(config);
  const upstream = createUpstream({ silentMs: config.upstreamMs });
  const configuration = new Configuration({
    client: operator,
    log,
    onChange: (budgets) => adoptBudgets(budgets, { leases, tokens, metrics }),
    onRecall: (rounds) => leases.recall(rounds),
  });
  const leases = new Leases({
    folder: config.journalDir,
    call: (request, signal) => operator.lease(request, signal),
    clock,
    times: config,
    log,
    onFatal,
    onLedgerUnknown: () => configuration.refresh(),
  });
  const tokens = new SapTokens({
    client: operator,
    clock,
    signal: stopping.signal,
    onRefresh: (result) => metrics.tokenRefresh.inc({ result }),
  });
  const services: Services = {
    config,
    clock,
    log,
    configuration,
    leases,
    tokens,
    upstream,
    metrics,
    life,
    booking: new Booking({ metrics, receipts: memory.receipts, clock, log }),
    readOns: new ReadOns({ stopped: stopping.signal, ms: config.readOnMs }),
    ...memory,
    origin: () => origin,
  };
  const closeClients = async () => {
    await operator.close();
    await upstream.close();
  };
  return { services, life, polling, stopping, fatal, closeClients };
}

/** What keeps something for requests, and needs no one. */
function memoryOf({ appKey, maxBodyBytes }: SidecarConfig) {
  return {
    keys: new AppKeys(appKey),
    bodies: new Bodies(Math.max(minBodiesBytes, maxBodyBytes)),
    denials: new Denials(),
    receipts: new Receipts(),
  };
}

function operatorOf({ operatorUrl: url, caFile, tokenFile }: SidecarConfig): OperatorClient {
  return createOperatorClient({ url, caFile, tokenFile });
}

/** Leases of periods that are over are wound up; a budget that is only unavailable for now keeps its lease. */
function adoptBudgets(
  budgets: ReadonlyMap<string, CurrentBudget>,
  { leases, tokens, metrics }: { leases: Leases; tokens: SapTokens; metrics: SidecarMetrics },
): void {
  const current = new Set<string>();
  for (const [name, budget] of budgets) {
    if (budget.state === 'ready') {
      current.add(budget.catalogue.budget.ledger.uid);
      startBudgetAtZero(metrics, budget.catalogue);
    } else for (const ledgerUid of leases.ledgersOf(name)) current.add(ledgerUid);
  }
  leases.keepOnly(current);
  tokens.forget(current);
}

/**
 * Waits for requests under way; past the deadline they are cut off, and their cost is unknown. A client that goes on
 * sending, or does not read what it is told, is not waited for: what is idle has to be given back in time.
 */
async function drain(app: AppServer, drainMs: number, stopping: AbortController): Promise<void> {
  const drained = new AbortController();
  const ended = app.idle().then(() => drained.abort());
  await sleep(drainMs, drained.signal);
  stopping.abort(new Error('the time to drain is over'));
  await sleep(lastWordMs, drained.signal);
  if (!drained.signal.aborted) app.server.closeAllConnections();
  await ended;
}
