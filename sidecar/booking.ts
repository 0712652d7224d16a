import type { Logger } from 'pino';
import { formatAmount } from '../accounting/amount.ts';
import type { RequestUsage } from '../accounting/metered-usage.ts';
import type { Usage } from '../accounting/usage.ts';
import { type Admission, pricingOf } from './admission.ts';
import type { PricedModel } from './catalogue.ts';
import type { Clock } from './clock.ts';
import { requestLabels } from './labels.ts';
import { ProxyError } from './proxy-error.ts';
import { type SidecarMetrics, metricUnits } from './metrics.ts';
import type { Receipt, Receipts } from './receipts.ts';
import { type CallEnd, type Settlement, settlementOf } from './steps/settlement.ts';

/** Books what calls cost, and closes routes whose price bound has failed. */
export class Booking {
  readonly #metrics: SidecarMetrics;
  readonly #log: Logger;
  readonly #receipts: Receipts;
  readonly #clock: Clock;
  readonly #closedRoutes = new Set<string>();
  readonly #boundUse = new Map<string, number>();

  constructor(options: { metrics: SidecarMetrics; receipts: Receipts; clock: Clock; log: Logger }) {
    this.#metrics = options.metrics;
    this.#log = options.log;
    this.#receipts = options.receipts;
    this.#clock = options.clock;
  }

  /**
   * Refuses a route on which a request has cost more than its bound: the next one might, too.
   *
   * @throws ProxyError `bound_exceeded`
   */
  refuseClosedRoute({ catalogue, target, demand }: Pick<Admission, 'catalogue' | 'target' | 'demand'>): void {
    if (this.#closedRoutes.size === 0) return;
    const closed = demand.models.find((model) =>
      this.#closedRoutes.has(routeOf({ catalogue, target }, model)),
    );
    if (closed === undefined) return;
    throw new ProxyError(
      'bound_exceeded',
      `deployment ${target.deploymentId} has cost more than the bound of a request with ${closed.model}, which is not used any more: ` +
        `see the sidecar's log for the request; the route opens when prices or limits change, or after a restart`,
    );
  }

  /** Ends the reservation of a request whose call is over. */
  book(admission: Admission, end: CallEnd): Settlement {
    const { reservation } = admission;
    const settlement = settlementOf(end, pricingOf(admission));
    const receipt = receiptOf(admission, settlement, this.#clock.wallMs());
    this.#receipts.note(receipt);
    this.#log.debug(receipt, 'request booked');
    if (settlement.kind === 'unknown') {
      reservation.unknown(settlement.reason);
      const { budget, namespace } = admission.catalogue.budget;
      this.#metrics.unknownUsage.inc({ budget, budget_namespace: namespace, reason: settlement.reason });
      return settlement;
    }
    reservation.settle(settlement.spent, requestUsage(answering(admission, settlement), settlement.usage));
    this.#count(admission, settlement);
    this.#checkBound(admission, settlement);
    return settlement;
  }

  #count(admission: Admission, settlement: Extract<Settlement, { kind: 'settled' }>): void {
    const { spent, usage } = settlement;
    const model = answering(admission, settlement);
    const labels = requestLabels(admission, model);
    this.#metrics.spent.inc(labels.spent, metricUnits(spent));
    if (usage === undefined) return;
    const input = usage.input + usage.cacheRead;
    this.#metrics.tokenUsage.observe(labels.input, input);
    this.#metrics.tokenUsage.observe(labels.output, usage.output);
    this.#metrics.inputTokens.inc(labels.operation, input);
    this.#metrics.cacheReadTokens.inc(labels.operation, usage.cacheRead);
    this.#metrics.outputTokens.inc(labels.operation, usage.output);
    this.#metrics.reasoningTokens.inc(labels.operation, usage.reasoning);
  }

  #checkBound(admission: Admission, settlement: Extract<Settlement, { kind: 'settled' }>): void {
    const { reservation, target } = admission;
    const { spent } = settlement;
    const answered = answering(admission, settlement);
    const { model } = answered;
    const ratio = reservation.amount > 0n ? Number(spent) / Number(reservation.amount) : 0;
    if (ratio > (this.#boundUse.get(model) ?? 0)) {
      this.#boundUse.set(model, ratio);
      this.#metrics.boundUse.set({ model }, ratio);
    }
    if (spent <= reservation.amount) return;
    this.#closedRoutes.add(routeOf(admission, answered));
    this.#metrics.overrun.inc(requestLabels(admission, answered).perModel);
    this.#log.error(
      {
        reason: 'bound_exceeded',
        requestId: reservation.id,
        deployment: target.deploymentId,
        model,
        reserved: formatAmount(reservation.amount),
        spent: formatAmount(spent),
      },
      'a request cost more than its bound, its route is closed',
    );
  }
}

function receiptOf(admission: Admission, settlement: Settlement, nowMs: number): Receipt {
  const { catalogue, reservation } = admission;
  const { namespace, budget, ledger } = catalogue.budget;
  const about = {
    requestId: reservation.id,
    time: new Date(nowMs).toISOString(),
    budget: `${namespace}/${budget}`,
    period: ledger.period.name,
    model: answering(admission, settlement).model,
    reserved: formatAmount(reservation.amount),
  };
  if (settlement.kind === 'unknown') return { ...about, outcome: 'held', unknown: settlement.reason };
  const { spent, usage } = settlement;
  return {
    ...about,
    outcome: 'settled',
    ...(usage !== undefined && { tokens: { input: usage.input + usage.cacheRead, output: usage.output } }),
    spent: formatAmount(spent),
  };
}

/** The model a request is counted for: which answered, else the first that was to be tried. */
function answering({ demand }: Admission, settlement: Settlement): PricedModel {
  return (settlement.kind === 'settled' ? settlement.model : undefined) ?? demand.models[0];
}

function requestUsage({ model, version }: PricedModel, usage: Usage | undefined): RequestUsage | undefined {
  if (usage === undefined) return undefined;
  const { input, cacheRead, output } = usage;
  return { model, version, input, cacheRead, output };
}

/** New prices or output limits make a new route. */
function routeOf(
  { catalogue, target }: Pick<Admission, 'catalogue' | 'target'>,
  { model, version }: PricedModel,
): string {
  const { priceVersion, outputTokens } = catalogue.budget;
  const limits = `${outputTokens.minimum}-${outputTokens.maximum ?? ''}`;
  return `${target.resourceGroup}/${target.deploymentId} ${model}@${version} ${priceVersion} ${limits}`;
}
