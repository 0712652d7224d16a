import { apiVersion } from '../../crds/custom-resource.ts';
import type { SapAiRateCard } from '../../crds/rate-card.ts';

/** Name of the rate card that budgets use when they name none. */
const defaultRateCardName = 'default';

const source = 'SAP Help Portal, SAP AI Core, "Metering and Pricing for Generative AI"';

/**
 * The rate card the product ships: the factors SAP published (CU per GenAI token) and no rates of models,
 * because an old published rate must never stand in for the one AI Core reports.
 */
export function buildDefaultRateCard(): SapAiRateCard {
  return {
    apiVersion,
    kind: 'SapAiRateCard',
    metadata: { name: defaultRateCardName },
    spec: {
      factors: [
        {
          from: '2024-12-19',
          capacityUnitsPerGenAiToken: '2.24038',
          source: `${source}, edition of 2024-12-19`,
        },
        {
          from: '2025-10-22',
          capacityUnitsPerGenAiToken: '1.90385',
          source: `${source}, edition of 2025-10-22`,
        },
      ],
      models: [],
    },
  };
}
