import { createHash } from 'node:crypto';
import type { BudgetConfiguration, ConfigurationAnswer } from '../../accounting/configuration-messages.ts';
import { overrideMetering } from '../../accounting/unified-metering.ts';

const maxMessageLength = 1024;

/** What a pod's own annotation makes of the configurations of its budgets. */
export class PodMetering {
  readonly #annotation: string | undefined;
  readonly #suffix: string;

  constructor(annotation: string | undefined) {
    this.#annotation = annotation;
    this.#suffix = annotation === undefined ? '' : `${separator}${digest(annotation)}`;
  }

  /** The etag of the source within one that this pod has seen; undefined when it was seen with another annotation. */
  sourceEtag(seen: string | undefined): string | undefined {
    if (seen === undefined) return undefined;
    const at = seen.indexOf(separator);
    const suffix = at < 0 ? '' : seen.slice(at);
    return suffix === this.#suffix ? seen.slice(0, seen.length - suffix.length) : undefined;
  }

  /** The answer with the pod's own metering. One that cannot be used makes its budgets unavailable: a call that is counted wrongly cannot be taken back. */
  apply(answer: ConfigurationAnswer): ConfigurationAnswer {
    const annotation = this.#annotation;
    if (annotation === undefined) return answer;
    const { etag, budgets } = answer;
    return {
      ...answer,
      etag: `${etag}${this.#suffix}`,
      budgets: budgets.map((budget) => override(budget, annotation)),
    };
  }
}

const separator = '.';

/** Enough to tell the annotations of one pod apart. */
function digest(annotation: string): string {
  return createHash('sha256').update(annotation).digest('hex').slice(0, 16);
}

function override(budget: BudgetConfiguration, annotation: string): BudgetConfiguration {
  if (budget.state !== 'ready') return budget;
  const metering = overrideMetering(budget.unifiedMetering, annotation);
  if (!('problem' in metering)) return { ...budget, unifiedMetering: metering };
  return {
    state: 'unavailable',
    namespace: budget.namespace,
    budget: budget.budget,
    reason: 'UnifiedMeteringInvalid',
    message: metering.problem.slice(0, maxMessageLength),
  };
}
