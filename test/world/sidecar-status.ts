import { z } from 'zod';
import { decimalText, exact, sum } from './exact.ts';
import type { Workload } from './world.ts';

const status = z.object({
  leases: z.array(
    z.object({
      budget: z.string(),
      spent: z.string(),
      overrun: z.string(),
      reserved: z.string(),
      lost: z.string(),
      unknown: z.array(z.object({ amount: z.string() })),
    }),
  ),
});

/** What a sidecar says of its lease, in CU as decimal text. */
export interface LeaseStatus {
  spent: string;
  overrun: string;
  reserved: string;
  /** Held because nobody knows what it cost, also what earlier processes lost. */
  unknown: string;
}

/** Asks a sidecar for its status with its application's key. All zero before the first request. */
export async function readStatus({ sidecar }: Workload, budget: { name: string }): Promise<LeaseStatus> {
  const answer = await fetch(`${sidecar.url}/sapai/status`, {
    headers: { authorization: `Bearer ${sidecar.budget}.${sidecar.pod.appKey}` },
    signal: AbortSignal.timeout(10_000),
  });
  const { leases } = status.parse(await answer.json());
  const lease = leases.find((each) => each.budget === budget.name);
  if (!lease) return { spent: '0', overrun: '0', reserved: '0', unknown: '0' };
  const { spent, overrun, reserved, lost } = lease;
  const unknown = decimalText(sum([exact(lost), ...lease.unknown.map(({ amount }) => exact(amount))]));
  return { spent, overrun, reserved, unknown };
}
