import { factorAt } from '../../../accounting/rate-card.ts';
import type { ModelConfiguration } from '../../../accounting/configuration-messages.ts';
import { parseStored } from '../../../crds/parse.ts';
import { sapAiRateCard } from '../../../crds/rate-card.ts';
import type { SapAiRateCardSpec } from '../../../crds/rate-card.ts';
import { isAllowed, priceModels as price } from '../../configuration/price-models.ts';
import { rateCardNameOf } from '../root-spec.ts';
import { remembered } from '../memory.ts';
import type { BudgetContext, StepOutcome } from '../step.ts';
import { stalled } from '../step.ts';

/** Names of models in a message; the rest is counted. */
const maxNamed = 5;
/** New days begin at 00:00 UTC: then other factors or rates may be in force. */
const dayMs = 86_400_000;

/** Reason that leaves a budget ready: those models are refused, the others are not. */
export const modelsWithoutRate = 'ModelsWithoutRate';

/** Gives every model its rates: of AI Core itself, and of the rate card that the budget names. */
export function priceModels(context: BudgetContext): Promise<StepOutcome> {
  const { budget, services, found } = context;
  const name = rateCardNameOf(budget.spec);
  const card = services.rateCards.get(name);
  if (!card)
    return Promise.resolve(
      stalled(
        'RateCardNotFound',
        `There is no SapAiRateCard "${name}": create it, or correct spec.rateCardRef.`,
      ),
    );
  const { spec } = parseStored(sapAiRateCard, card);
  found.card = { name, generation: card.metadata.generation ?? 0, spec };
  return Promise.resolve(priceBy(spec, context));
}

function priceBy(spec: SapAiRateCardSpec, context: BudgetContext): StepOutcome {
  const { budget, services, found } = context;
  if (!found.inventory) throw new TypeError('a step before reads AI Core');
  const nowMs = services.clock.nowMs();
  if (factorOf(spec, nowMs) === undefined)
    return stalled(
      'FactorMissing',
      `SapAiRateCard "${rateCardNameOf(budget.spec)}" has no factor for today: add an entry to spec.factors whose day has come.`,
    );
  found.models = pricedModels(spec, context, nowMs);
  const allowed = found.models.filter(({ model }) => isAllowed(model, budget.spec.allowedModels));
  const unpriced = allowed.filter(({ rates }) => rates === undefined);
  const untilNextDayMs = dayMs - (nowMs % dayMs);
  if (unpriced.length === 0)
    return {
      state: 'done',
      message: `All ${allowed.length} model versions have a rate.`,
      againAfterMs: untilNextDayMs,
    };
  const message = `Refused, because no rate is known: ${named(unpriced)}. The other ${allowed.length - unpriced.length} model versions have a rate. Add the missing rates to the rate card.`;
  return { state: 'degraded', reason: modelsWithoutRate, message, afterMs: untilNextDayMs };
}

/** Only anew after AI Core was read, the card was changed, or another day has begun: figures of ledgers move every second. */
function pricedModels(
  card: SapAiRateCardSpec,
  { budget, services, memory, found }: BudgetContext,
  atMs: number,
): ModelConfiguration[] {
  const models = found.inventory?.models ?? [];
  const stored = services.rateCards.get(rateCardNameOf(budget.spec));
  const from = [models, stored, Math.floor(atMs / dayMs)];
  const value = remembered(memory.priced, from) ?? price(models, { card, atMs });
  memory.priced = { from, value };
  return value;
}

/** The factor in force, as decimal text. */
export function factorOf({ factors }: SapAiRateCardSpec, atMs: number): string | undefined {
  return factorAt(
    factors.map(({ from, capacityUnitsPerGenAiToken }) => ({ from, factor: capacityUnitsPerGenAiToken })),
    atMs,
  );
}

function named(models: readonly ModelConfiguration[]): string {
  const names = models.slice(0, maxNamed).map(({ model, version }) => `${model} (${version})`);
  const rest = models.length - names.length;
  return rest > 0 ? `${names.join(', ')} and ${rest} more` : names.join(', ');
}
