import { z } from 'zod';
import { decimalText, exact, sum } from './exact.ts';
import { eventually } from '../control-plane/eventually.ts';

/** Where the application of a pod reaches its sidecar, and with which key. */
export interface SidecarDoor {
  sidecar: { url: string; budget: string; pod: { appKey: string } };
}

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

const receipt = z.object({ spent: z.string().optional(), unknown: z.string().optional() });

/** What became of a request's money, once its answer has ended; waits for that. */
export async function readReceipt(
  { sidecar }: SidecarDoor,
  requestId: string,
): Promise<z.infer<typeof receipt>> {
  const probe = async (): Promise<z.infer<typeof receipt> | undefined> => {
    const answer = await ask(sidecar, `/sapai/requests/${requestId}`);
    return answer.ok ? receipt.parse(await answer.json()) : undefined;
  };
  return eventually(probe, { what: `the receipt of ${requestId}`, timeoutMs: 30_000 });
}

/** Asks a sidecar for its status with its application's key. All zero before the first request. */
export async function readStatus({ sidecar }: SidecarDoor, budget: { name: string }): Promise<LeaseStatus> {
  const answer = await ask(sidecar, '/sapai/status');
  const { leases } = status.parse(await answer.json());
  const lease = leases.find((each) => each.budget.split('/').at(-1) === budget.name);
  if (!lease) return { spent: '0', overrun: '0', reserved: '0', unknown: '0' };
  const { spent, overrun, reserved, lost } = lease;
  const unknown = decimalText(sum([exact(lost), ...lease.unknown.map(({ amount }) => exact(amount))]));
  return { spent, overrun, reserved, unknown };
}

function ask({ url, budget, pod }: SidecarDoor['sidecar'], path: string): Promise<Response> {
  const headers = { authorization: `Bearer ${budget}.${pod.appKey}` };
  return fetch(`${url}${path}`, { headers, signal: AbortSignal.timeout(10_000) });
}
