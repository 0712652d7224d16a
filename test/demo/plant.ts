import { z } from 'zod';
import type { World } from '../world/world.ts';

const rateCard = z.object({
  spec: z.object({ factors: z.array(z.looseObject({ capacityUnitsPerGenAiToken: z.string() })) }),
});

/** Makes the factor in force wrong by 0.00001, in the rate card alone; tells what it did. */
export async function plantPriceError(world: World): Promise<string> {
  const card = rateCard.parse(JSON.parse(await world.kubectl(['get', 'sairc', 'default', '-o', 'json'])));
  const factors = card.spec.factors.map((factor) =>
    factor.capacityUnitsPerGenAiToken === '1.90385'
      ? { ...factor, capacityUnitsPerGenAiToken: '1.90386' }
      : factor,
  );
  await world.kubectl([
    'patch',
    'sairc',
    'default',
    '--type=merge',
    '-p',
    JSON.stringify({ spec: { factors } }),
  ]);
  return 'planted: the rate card says 1.90386 where SAP bills 1.90385';
}
