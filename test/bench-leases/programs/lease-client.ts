import { setTimeout as delay } from 'node:timers/promises';
import pino from 'pino';
import { nanoPerCu } from '../../../accounting/amount.ts';
import { systemClock } from '../../../sidecar/clock.ts';
import { Configuration } from '../../../sidecar/configuration.ts';
import type { LeaseHolder } from '../../../sidecar/lease/holder.ts';
import { LeaseError } from '../../../sidecar/lease/lease-error.ts';
import type { Wish } from '../../../sidecar/lease/next-move.ts';
import { Leases } from '../../../sidecar/leases.ts';
import { type OperatorClient, createOperatorClient } from '../../../sidecar/operator-client.ts';
import type { ClientFiles, Result } from '../orders.ts';

/** As a sidecar has them by default. */
const times = { waitMs: 10_000, reportMs: 5000, idleReturnMs: 60_000 };
const startMs = 60_000;

/** A sidecar's lease module by itself: its configuration poll and its leases, over its own connections. */
export class LeaseClient {
  readonly #operator: OperatorClient;
  readonly #leases: Leases;
  readonly #configuration: Configuration;
  readonly #ended = new AbortController();
  readonly #polling: Promise<void>;
  readonly #result: Result;
  #requests = 0;

  /** What happens is added to `result`. */
  constructor(files: ClientFiles, { operatorUrl, result }: { operatorUrl: string; result: Result }) {
    const log = pino({ level: 'silent' });
    this.#result = result;
    this.#operator = createOperatorClient({ url: operatorUrl, ...files });
    this.#leases = new Leases({
      folder: files.journalDir,
      call: (request, signal) => this.#timed(request, signal),
      clock: systemClock,
      times,
      log,
      onFatal: () => (result.failed += 1),
      onLedgerUnknown: () => this.#configuration.refresh(),
    });
    this.#configuration = new Configuration({
      client: this.#operator,
      log,
      onChange: () => undefined,
      onRecall: (budgets) => this.#leases.recall(budgets),
    });
    this.#polling = this.#configuration.run(this.#ended.signal);
  }

  /** Resolves once the budget can be spent from. */
  async ready(budget: string): Promise<void> {
    const untilMs = performance.now() + startMs;
    while (this.#holder(budget) === undefined) {
      if (performance.now() > untilMs) throw new Error(`no configuration of ${budget} in ${startMs} ms`);
      await delay(20);
    }
  }

  /** One request; true if it was served. Of what it reserves it costs `cost` parts of 100. */
  async request(
    budget: string,
    { capacityUnits, cost }: { capacityUnits: bigint; cost: bigint },
  ): Promise<boolean> {
    const amount = capacityUnits * nanoPerCu;
    const wish: Wish = { amount, smallest: amount, lower: () => undefined };
    const arrivedMs = performance.now();
    try {
      const holder = this.#holder(budget);
      if (holder === undefined) throw new Error('no configuration');
      const reservation = await holder.reserve(String((this.#requests += 1)), wish, this.#ended.signal);
      reservation.settle((amount * cost) / 100n);
      this.#result.served += 1;
      return true;
    } catch (error) {
      if (error instanceof LeaseError && error.reason === 'exhausted')
        this.#result.refusalMs.push(performance.now() - arrivedMs);
      else this.#result.failed += 1;
      return false;
    }
  }

  /** Returns what is idle and ends. */
  async end(): Promise<void> {
    await this.#leases.close(AbortSignal.timeout(10_000));
    this.#ended.abort();
    await this.#polling;
    await this.#operator.close();
  }

  #holder(budget: string): LeaseHolder | undefined {
    const current = this.#configuration.budgets?.get(budget);
    if (current?.state !== 'ready') return undefined;
    return this.#leases.of({ budget, ledger: current.catalogue.budget.ledger });
  }

  readonly #timed: OperatorClient['lease'] = async (request, signal) => {
    const sentMs = performance.now();
    const answer = await this.#operator.lease(request, signal);
    const asks = request.kind === 'report' && request.ask !== undefined;
    if (asks && answer.kind === 'reported' && answer.row.granted > this.#granted(request.ledgerUid))
      this.#result.grantMs.push(performance.now() - sentMs);
    return answer;
  };

  #granted(ledgerUid: string): bigint {
    return this.#leases.holders.find((holder) => holder.ledgerUid === ledgerUid)?.lease.granted ?? 0n;
  }
}
