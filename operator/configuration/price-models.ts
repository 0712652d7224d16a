import { matchesGlob } from '../../accounting/glob.ts';
import { parseLiveCost } from '../../accounting/live-cost.ts';
import type { ModelConfiguration } from '../../accounting/configuration-messages.ts';
import { resolveRates } from '../../accounting/rate-card.ts';
import type { SapAiRateCardSpec } from '../../crds/rate-card.ts';
import type { FoundationModel } from '../sap/ai-core-objects.ts';

/** Most model versions a sidecar is told of. */
const maxModels = 1000;

/** Every model version AI Core offers, with the rates in force at `atMs`; without rates the sidecar refuses it. */
export function priceModels(
  models: readonly FoundationModel[],
  { card, atMs }: { card: SapAiRateCardSpec; atMs: number },
): ModelConfiguration[] {
  const priced = models.flatMap(({ model, executableId, versions }) =>
    versions.map((version): ModelConfiguration => {
      const live = parseLiveCost(version.cost);
      const rates = resolveRates({ card, live, model, version: version.name, at: atMs });
      return {
        model,
        version: version.name,
        executableId,
        isLatest: version.isLatest,
        ...(version.contextLength === undefined ? {} : { contextLength: version.contextLength }),
        ...(rates === undefined ? {} : { rates }),
      };
    }),
  );
  return priced.toSorted((a, b) => (identityOf(a) < identityOf(b) ? -1 : 1)).slice(0, maxModels);
}

function identityOf({ executableId, model, version }: ModelConfiguration): string {
  return [executableId, model, version].join('\n');
}

/** True where no pattern is given, or one of them matches. */
export function isAllowed(model: string, patterns: readonly string[]): boolean {
  return patterns.length === 0 || patterns.some((pattern) => matchesGlob(pattern, model));
}
