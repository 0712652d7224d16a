import type { Logger } from 'pino';
import { type BudgetConfiguration, maxPollSeconds } from '../accounting/configuration-messages.ts';
import { schemaVersion } from '../accounting/message-parts.ts';
import { Catalogue } from './catalogue.ts';
import type { OperatorClient } from './operator-client.ts';
import { sleep } from './pause.ts';

/** A budget as the operator describes it now. */
export type CurrentBudget =
  | { state: 'ready'; catalogue: Catalogue }
  | { state: 'unavailable'; budget: Extract<BudgetConfiguration, { state: 'unavailable' }> };

const firstBackOffMs = 250;
const maxBackOffMs = 10_000;

/** Keeps the configuration that the operator gives this pod; what came last stays in force while it is silent. */
export class Configuration {
  readonly #client: Pick<OperatorClient, 'configuration'>;
  readonly #log: Logger;
  readonly #onChange: (budgets: ReadonlyMap<string, CurrentBudget>) => void;
  readonly #onRecall: (rounds: ReadonlyMap<string, number>) => void;
  #budgets: ReadonlyMap<string, CurrentBudget> | undefined;
  #defaultBudget: string | undefined;
  #etag: string | undefined;
  #recalls: Record<string, number> = {};
  #again = new AbortController();

  constructor(options: {
    client: Pick<OperatorClient, 'configuration'>;
    log: Logger;
    onChange: (budgets: ReadonlyMap<string, CurrentBudget>) => void;
    /** Told of each recall round that this pod is asked in: by budget, its number. */
    onRecall: (rounds: ReadonlyMap<string, number>) => void;
  }) {
    this.#client = options.client;
    this.#log = options.log;
    this.#onChange = options.onChange;
    this.#onRecall = options.onRecall;
  }

  get loaded(): boolean {
    return this.#budgets !== undefined;
  }

  get etag(): string | undefined {
    return this.#etag;
  }

  /** By name; undefined until the first configuration has come. */
  get budgets(): ReadonlyMap<string, CurrentBudget> | undefined {
    return this.#budgets;
  }

  /** The one that is meant when nothing names another. */
  get defaultBudget(): string | undefined {
    return this.#defaultBudget;
  }

  /** Asks at once, instead of waiting for the poll under way. */
  refresh(): void {
    this.#etag = undefined;
    this.#again.abort();
  }

  /** Polls until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    let backOffMs = firstBackOffMs;
    while (!signal.aborted) {
      this.#again = new AbortController();
      const either = AbortSignal.any([signal, this.#again.signal]);
      try {
        await this.#poll(either);
        backOffMs = firstBackOffMs;
      } catch (error) {
        if (either.aborted) continue;
        this.#log.warn({ err: error }, 'configuration could not be fetched');
        await sleep(backOffMs, either);
        backOffMs = Math.min(maxBackOffMs, backOffMs * 2);
      }
    }
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const answer = await this.#client.configuration(
      {
        schema: schemaVersion,
        ...(this.#etag !== undefined && { seen: this.#etag }),
        recalls: this.#recalls,
        waitSeconds: this.#etag === undefined ? 0 : maxPollSeconds,
      },
      signal,
    );
    this.#heed(answer.recalls ?? {});
    if (answer.etag === this.#etag) return;
    this.#defaultBudget = answer.budgets[0]?.budget;
    this.#budgets = new Map(answer.budgets.map((budget) => [budget.budget, current(budget)]));
    this.#log.info({ etag: answer.etag, budgets: [...this.#budgets.keys()] }, 'configuration loaded');
    this.#onChange(this.#budgets);
    // Only what was taken over is not asked for again.
    this.#etag = answer.etag;
  }

  #heed(recalls: Record<string, number>): void {
    const heeded = this.#recalls;
    this.#recalls = recalls;
    const news = Object.entries(recalls).filter(([budget, round]) => heeded[budget] !== round);
    if (news.length > 0) this.#onRecall(new Map(news));
  }
}

function current(budget: BudgetConfiguration): CurrentBudget {
  if (budget.state === 'unavailable') return { state: 'unavailable', budget };
  return { state: 'ready', catalogue: new Catalogue(budget) };
}
