import type { UsageRow } from './usage-rows.ts';

/** What SAP billed for one application on one day; whole tokens, and nano-CU (below zero for corrections). */
export interface BilledUse {
  day: string;
  /** `<model>-<version>`, empty for what belongs to no model. */
  application: string;
  inputTokens: bigint;
  outputTokens: bigint;
  capacityUnits: bigint;
}

const attoPerUnit = 10n ** 18n;
const attoPerNano = 10n ** 9n;

/** Rows of one subaccount summed by day and application. */
export function billedUse(rows: readonly UsageRow[], subaccountId: string): BilledUse[] {
  const own = rows.filter((row) => row.subaccountId === subaccountId);
  const uses = Map.groupBy(own, ({ day, application }) => `${day} ${application}`);
  return [...uses.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { day, application } = first;
    return [
      {
        day,
        application,
        inputTokens: sumOf(group, 'input_tokens') / attoPerUnit,
        outputTokens: sumOf(group, 'output_tokens') / attoPerUnit,
        capacityUnits: roundToNano(capacityUnitsOf(group)),
      },
    ];
  });
}

/** All that SAP billed in these rows for one subaccount, nano-CU. */
export function billedTotal(rows: readonly UsageRow[], subaccountId: string): bigint {
  return billedUse(rows, subaccountId).reduce((sum, { capacityUnits }) => sum + capacityUnits, 0n);
}

/** `capacity_units` holds all that is charged; the part of GenAI tokens alone counts where that measure is missing. */
function capacityUnitsOf(rows: readonly UsageRow[]): bigint {
  const instances = Map.groupBy(rows, ({ instance }) => instance);
  let sum = 0n;
  for (const own of instances.values()) {
    const charged = own.some(({ measure }) => measure === 'capacity_units');
    sum += sumOf(own, charged ? 'capacity_units' : 'capacity_units_genai_token');
  }
  return sum;
}

function sumOf(rows: readonly UsageRow[], measure: string): bigint {
  return rows.reduce((sum, row) => (row.measure === measure ? sum + row.amount : sum), 0n);
}

/** To the nearest nano-CU, halves away from zero: sums are of a day, so this is far below what SAP shows. */
function roundToNano(atto: bigint): bigint {
  const magnitude = atto < 0n ? -atto : atto;
  const nano = (magnitude + attoPerNano / 2n) / attoPerNano;
  return atto < 0n ? -nano : nano;
}
