import type { BudgetConfiguration, ConfigurationAnswer } from '../../accounting/configuration-messages.ts';
import { schemaVersion } from '../../accounting/message-parts.ts';
import type { Clock } from '../kube/clock.ts';
import { budgetKey } from './budget-ref.ts';
import type { BudgetRef } from './budget-ref.ts';
import { digestOf } from './canonical-json.ts';
import type { RecallNotices } from '../ledger/recall-notices.ts';
import type { ConfigurationSource, ConfigurationWait } from './configuration-source.ts';

/** Pods that are being deleted at the same time; of more the oldest are told anew. */
const maxLeaving = 4096;

interface Published {
  configuration: BudgetConfiguration;
  digest: string;
}

/** What sidecars are told of each budget, as the reconciles published it last. */
export class Configurations implements ConfigurationSource, RecallNotices {
  readonly #clock: Clock;
  readonly #published = new Map<string, Published>();
  /** By budget, and by holder: who waits for news of it. */
  readonly #waiting = new Map<string, Set<() => void>>();

  /** By budget: the holders that are asked in a recall round, with its number. */
  readonly #recalls = new Map<string, Map<string, number>>();

  /** Holders whose pods are being deleted, with the number that stands for a round. */
  readonly #leaving = new Map<string, number>();

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  /** What was published of this budget last. */
  get(budget: BudgetRef): BudgetConfiguration | undefined {
    return this.#published.get(budgetKey(budget))?.configuration;
  }

  /** From now on sidecars of this budget are told this. Equal configurations are no news. */
  publish(configuration: BudgetConfiguration): void {
    const key = keyOf(configuration);
    if (this.#published.get(key)?.configuration === configuration) return;
    const digest = digestOf(configuration);
    if (this.#published.get(key)?.digest === digest) return;
    this.#published.set(key, { configuration, digest });
    this.#tell(key);
  }

  recall(budget: BudgetRef, { number, keys }: { number: number; keys: readonly string[] }): void {
    const asked = this.#recalls.get(budgetKey(budget)) ?? new Map<string, number>();
    this.#recalls.set(budgetKey(budget), asked);
    for (const key of keys) {
      asked.set(key, number);
      this.#tell(key);
    }
  }

  withdraw(budget: BudgetRef, keys: Iterable<string>): void {
    const asked = this.#recalls.get(budgetKey(budget));
    for (const key of keys) asked?.delete(key);
    if (asked?.size === 0) this.#recalls.delete(budgetKey(budget));
  }

  noteLeaving(holder: string): void {
    if (this.#leaving.has(holder)) return;
    this.#leaving.set(holder, this.#clock.nowMs());
    const [oldest] = this.#leaving.keys();
    if (this.#leaving.size > maxLeaving && oldest !== undefined) this.#leaving.delete(oldest);
    this.#tell(holder);
  }

  /** The budget is gone: sidecars are told `BudgetNotFound`. */
  forget(budget: BudgetRef): void {
    if (this.#published.delete(budgetKey(budget))) this.#tell(budgetKey(budget));
  }

  current(budgets: readonly BudgetRef[]): ConfigurationAnswer {
    const parts = budgets.map((budget) => this.#published.get(budgetKey(budget)) ?? notFound(budget));
    return {
      schema: schemaVersion,
      etag: digestOf(parts.map(({ digest }) => digest)),
      budgets: parts.map(({ configuration }) => configuration),
    };
  }

  async waitForChange(budgets: readonly BudgetRef[], wait: ConfigurationWait): Promise<ConfigurationAnswer> {
    const { seen, timeoutMs, signal, holder } = wait;
    signal.throwIfAborted();
    const untilMs = this.#clock.nowMs() + timeoutMs;
    for (;;) {
      const recalls = this.#recallsOf(budgets, wait);
      const answer = { ...this.current(budgets), ...(recalls && { recalls }) };
      const leftMs = untilMs - this.#clock.nowMs();
      if (answer.etag !== seen || leftMs <= 0) return answer;
      // A recall is not worth sending all over again what is known.
      if (hasNews(recalls, wait.recalls)) return { ...answer, budgets: [] };
      await this.#news([...budgets.map(budgetKey), holder], { leftMs, signal });
    }
  }

  /** Resolves when one of the budgets or the holder has news, or the time is over. */
  #news(keys: string[], { leftMs, signal }: { leftMs: number; signal: AbortSignal }): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener('abort', onAbort);
        for (const key of keys) this.#stopWaiting(key, onNews);
      };
      const onNews = (): void => {
        end();
        resolve();
      };
      const onAbort = (): void => {
        end();
        reject(signal.reason);
      };
      const cancel = this.#clock.after(leftMs, onNews);
      signal.addEventListener('abort', onAbort, { once: true });
      for (const key of keys) this.#waitersOf(key).add(onNews);
    });
  }

  /** A pod's budgets are in one namespace, so that their names tell them apart. */
  #recallsOf(
    budgets: readonly BudgetRef[],
    { holder }: Pick<ConfigurationWait, 'holder'>,
  ): ConfigurationAnswer['recalls'] {
    const numbers = budgets.flatMap((budget): [string, number][] => {
      const number = this.#recalls.get(budgetKey(budget))?.get(holder) ?? this.#leaving.get(holder);
      return number === undefined ? [] : [[budget.name, number]];
    });
    return numbers.length === 0 ? undefined : Object.fromEntries(numbers);
  }

  #waitersOf(key: string): Set<() => void> {
    const waiters = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiters);
    return waiters;
  }

  #stopWaiting(key: string, onNews: () => void): void {
    const waiters = this.#waiting.get(key);
    waiters?.delete(onNews);
    if (waiters?.size === 0) this.#waiting.delete(key);
  }

  #tell(key: string): void {
    for (const onNews of this.#waiting.get(key) ?? []) onNews();
  }
}

function hasNews(now: ConfigurationAnswer['recalls'] = {}, seen: ConfigurationWait['recalls'] = {}): boolean {
  return Object.entries(now).some(([budget, number]) => seen[budget] !== number);
}

function keyOf({ namespace, budget }: BudgetConfiguration): string {
  return budgetKey({ namespace, name: budget });
}

function notFound({ namespace, name }: BudgetRef): Published {
  const configuration: BudgetConfiguration = {
    state: 'unavailable',
    namespace,
    budget: name,
    reason: 'BudgetNotFound',
    message: `There is no SapAiBudget "${name}" in namespace "${namespace}": create it, or correct the name the pod gives.`,
  };
  return { configuration, digest: `not found ${budgetKey({ namespace, name })}` };
}
