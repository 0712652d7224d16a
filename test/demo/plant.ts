import { z } from 'zod';

const plants = ['price', 'chart', 'webhook'] as const;
/** What is made wrong on purpose, to show that the demo notices. */
export type Plant = (typeof plants)[number];

/** Reads `PLANT`; throws for a name that nobody knows. */
export function readPlant(name: string | undefined): Plant | undefined {
  if (name === undefined || name === '') return undefined;
  const found = plants.find((each) => each === name);
  if (!found) throw new Error(`PLANT=${name} is not known: ${plants.join(', ')}`);
  return found;
}

interface Kubectl {
  kubectl: (args: string[], input?: string) => Promise<string>;
}

const rateCard = z.object({
  spec: z.object({ factors: z.array(z.looseObject({ capacityUnitsPerGenAiToken: z.string() })) }),
});

/** Makes the factor in force wrong by 0.00001, in the rate card alone; tells what it did. */
export async function plantPriceError(world: Kubectl): Promise<string> {
  const card = rateCard.parse(JSON.parse(await world.kubectl(['get', 'sairc', 'default', '-o', 'json'])));
  const factors = card.spec.factors.map((factor) =>
    factor.capacityUnitsPerGenAiToken === '1.90385'
      ? { ...factor, capacityUnitsPerGenAiToken: '1.90386' }
      : factor,
  );
  const patch = JSON.stringify({ spec: { factors } });
  await world.kubectl(['patch', 'sairc', 'default', '--type=merge', '-p', patch]);
  return 'planted: the rate card says 1.90386 where SAP bills 1.90385';
}

/** Takes the webhook's registration away, so that nothing puts sidecars into pods; tells what it did. */
export async function takeWebhookAway(world: Kubectl): Promise<string> {
  await world.kubectl(['delete', 'mutatingwebhookconfiguration', 'sap-ai-budget']);
  return 'planted: the webhook is not registered any more';
}
