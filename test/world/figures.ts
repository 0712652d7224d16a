import { z } from 'zod';
import { eventually } from '../control-plane/eventually.ts';
import type { LedgerFigures, MeteredTokens } from './comparison.ts';
import type { Emulator } from './emulator.ts';
import { decimalText, exact, sum } from './exact.ts';
import { operatorNamespace } from './names.ts';
import type { World } from './world.ts';

const ledgers = z.object({
  items: z.array(
    z.object({
      spec: z.object({
        budget: z.object({ namespace: z.string(), name: z.string() }),
        cap: z.string(),
        settled: z.string(),
        outstanding: z.string(),
        held: z.string(),
        overrun: z.string(),
        rows: z.string(),
        heldRows: z.string(),
        usage: z.string(),
      }),
    }),
  ),
});

/** A budget's ledger as the API server holds it. */
export type StoredLedger = LedgerFigures & { rows: string; heldRows: string; usage: string };

/** Reads the ledger object of a budget's only period from the API server. */
export async function readLedger(
  world: Pick<World, 'controlPlane'>,
  budget: { namespace: string; name: string },
): Promise<StoredLedger> {
  const path = `/apis/sapai.eerly.ai/v1alpha1/namespaces/${operatorNamespace}/sapailedgers`;
  const { items } = ledgers.parse((await world.controlPlane.call({ path })).body);
  const own = items.filter(
    ({ spec }) => spec.budget.namespace === budget.namespace && spec.budget.name === budget.name,
  );
  const [first] = own;
  if (!first || own.length > 1)
    throw new Error(`${own.length} ledgers of budget ${budget.namespace}/${budget.name}`);
  return first.spec;
}

const summary = z.object({ status: z.object({ spent: z.string(), held: z.string() }) });

/** Waits until a budget's status, which is written at a bounded rate, says what its ledger says. */
export async function statusShows(
  world: Pick<World, 'controlPlane'>,
  { namespace, name }: { namespace: string; name: string },
  ledger: StoredLedger,
): Promise<void> {
  const path = `/apis/sapai.eerly.ai/v1alpha1/namespaces/${namespace}/sapaibudgets/${name}`;
  const probe = async (): Promise<true | undefined> => {
    const { status } = summary.parse((await world.controlPlane.call({ path })).body);
    return status.spent === ledger.settled && status.held === ledger.held ? true : undefined;
  };
  await eventually(probe, {
    what: `the status of ${namespace}/${name} to follow its ledger`,
    timeoutMs: 30_000,
  });
}

/** Tokens that a sidecar's metrics say it metered since it was started. */
export async function readMetered(sidecar: { adminUrl: string }): Promise<MeteredTokens> {
  const answer = await fetch(`${sidecar.adminUrl}/metrics`, { signal: AbortSignal.timeout(10_000) });
  const metrics = await answer.text();
  return {
    input: sumOf(metrics, 'gen_ai_client_inference_usage_input_tokens_total'),
    output: sumOf(metrics, 'gen_ai_client_inference_usage_output_tokens_total'),
  };
}

/** Sum of a metric over all its labels, in the Prometheus text format. */
function sumOf(metrics: string, name: string): number {
  const samples = metrics
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  if (samples.length === 0) throw new Error(`the sidecar has no metric ${name}`);
  return samples.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** All that SAP would bill by now, in CU as decimal text. */
export async function readBilled(emulator: Emulator): Promise<string> {
  const entries = await emulator.entries();
  return decimalText(sum(entries.map((entry) => exact(entry.capacityUnits))));
}
