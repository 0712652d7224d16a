import { parseStored } from '../../crds/parse.ts';
import { sapAiRateCard } from '../../crds/rate-card.ts';
import type { SapAiRateCard } from '../../crds/rate-card.ts';
import { rateCards } from '../budget/resources.ts';
import type { Cache } from '../budget/services.ts';
import { factorOf } from '../budget/steps/price-models.ts';
import { canonicalJson } from '../configuration/canonical-json.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import { setCondition } from '../kube/conditions.ts';
import type { Observation } from '../kube/conditions.ts';
import type { Outcome } from '../kube/controller.ts';
import { isKubeError } from '../kube/kube-error.ts';
import type { KubeObject } from '../kube/resource.ts';

/** Another entry may come into force at the next 00:00 UTC. */
const dayMs = 86_400_000;

/** What reconciles of rate cards work with. */
export interface RateCardServices {
  kube: KubeClient;
  cards: Cache<SapAiRateCard & KubeObject>;
  /** The API server's time. */
  clock: Clock;
}

/** Says in the card's status whether it can be used today. */
export async function reconcileRateCard(
  name: string,
  { kube, cards, clock }: RateCardServices,
  signal: AbortSignal,
): Promise<Outcome> {
  const stored = cards.get(name);
  if (stored === undefined || stored.metadata.deletionTimestamp !== undefined) return { state: 'done' };
  const { metadata, spec, status: previous = {} } = parseStored(sapAiRateCard, stored);
  const nowMs = clock.nowMs();
  const generation = metadata.generation ?? 0;
  const ready = readyOf(factorOf(spec, nowMs));
  const observed = { now: new Date(nowMs), generation };
  const status = {
    observedGeneration: generation,
    conditions: setCondition(previous.conditions ?? [], ready, observed),
  };
  if (canonicalJson(status) !== canonicalJson(previous)) {
    await kube.applyStatus(rateCards, { metadata: { name }, status }, { signal }).catch((error: unknown) => {
      if (!isKubeError(error, 'NotFound')) throw error;
    });
  }
  return { state: 'done', requeueAfterMs: dayMs - (nowMs % dayMs) };
}

function readyOf(factor: string | undefined): Observation {
  const type = 'Ready';
  if (factor !== undefined)
    return { type, status: 'True', reason: 'Ready', message: `One GenAI token is ${factor} CU today.` };
  const message = 'No factor is in force today: add an entry to spec.factors whose day has come.';
  return { type, status: 'False', reason: 'FactorMissing', message };
}
