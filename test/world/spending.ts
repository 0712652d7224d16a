import { eventually } from '../control-plane/eventually.ts';
import type { Application, CallResult } from './application.ts';
import { compareBooks, type Evidence, judgeRefusals, type Verdict } from './comparison.ts';
import { exact, nano } from './exact.ts';
import { readBilled, readLedger, readMetered, type StoredLedger } from './figures.ts';
import { searchEverywhere } from './known-secrets.ts';
import { judgeMeteredLines } from './metered-lines.ts';
import { readReceipt, readStatus } from './sidecar-status.ts';
import { type Observation, spendUntilRefused, type TrafficReport } from './traffic.ts';
import { operatorNamespace, type Workload, type World } from './world.ts';

export interface SpendingOptions {
  budget: { namespace: string; name: string };
  workload: Workload;
  application: Application;
  onResult?: (result: CallResult) => void;
  signal?: AbortSignal;
}

/** A budget that was spent until it refused, and everything that can be said about it from outside. */
export interface Spending {
  report: TrafficReport;
  evidence: Evidence;
  ledger: StoredLedger;
  verdicts: Verdict[];
}

/** Spends a budget to its cap with the mixture of calls every run has, and judges the books. */
export async function spendAndJudge(world: World, options: SpendingOptions): Promise<Spending> {
  const { budget, workload, application, onResult = () => {}, signal } = options;
  const cap = exact((await readLedger(world, budget)).cap);
  const observe = async (): Promise<Observation> => ({
    billed: await readBilled(world.emulator),
    held: (await readStatus(workload, budget)).unknown,
  });
  // One wave of calls reserves less than a tenth of the caps that runs are given.
  const isFarFromCap = async (): Promise<boolean> => {
    const { billed, held } = await observe();
    return (exact(billed) + exact(held)) * 10n < cap * 7n;
  };
  const report = await spendUntilRefused({
    application,
    receipt: (id) => readReceipt(workload, id),
    observe,
    onResult,
    isFarFromCap,
    ...(signal && { signal }),
  });
  const ledger = await reportedLedger(world, options);
  const metered = await readMetered(workload.sidecar);
  const billed = await world.emulator.entries();
  const { refusals, cutShort } = report;
  const evidence: Evidence = { ledger, metered, billed, refusals, cutShort };
  const namespaces = [budget.namespace, operatorNamespace];
  const secrets = await searchEverywhere(world, { workload, application, namespaces });
  const verdicts = [
    ...compareBooks(evidence),
    ...judgeMeteredLines(ledger, billed),
    ...judgeRefusals(evidence),
    ...perRequest(evidence, report),
    ...secrets,
  ];
  return { report, evidence, ledger, verdicts };
}

/** The ledger once everything its sidecar knows has been reported. */
export async function reportedLedger(
  world: World,
  { budget, workload }: Pick<SpendingOptions, 'budget' | 'workload'>,
): Promise<StoredLedger> {
  const probe = async (): Promise<StoredLedger | undefined> => {
    const status = await readStatus(workload, budget);
    const ledger = await readLedger(world, budget);
    const isIn =
      exact(status.spent) === exact(ledger.settled) && exact(status.unknown) === exact(ledger.held);
    return isIn && exact(status.reserved) === 0n ? ledger : undefined;
  };
  return eventually(probe, {
    what: 'the sidecar to report all it knows',
    timeoutMs: 60_000,
    intervalMs: 200,
  });
}

/** Every request's receipt is its bill, rounded up once; and where the answer told the price, it told the same. */
function perRequest({ billed }: Evidence, { results }: TrafficReport): Verdict[] {
  const bills = new Map(billed.map((each) => [each.requestId, exact(each.capacityUnits)]));
  const paid = results.filter(({ spent }) => spent !== undefined);
  const wrong = paid.filter(({ headers, spent = '' }) => {
    const bill = bills.get(headers['x-request-id'] ?? '');
    const off = bill === undefined ? -1n : exact(spent) - bill;
    const told = headers['sapaibudget-cu-actual'] ?? spent;
    return off < 0n || off >= nano || told !== spent;
  });
  const rule = `each receipt = its bill, rounded up to a nano-CU (${paid.length})`;
  return [{ rule, found: `${wrong.length} differ`, holds: wrong.length === 0 && paid.length > 0 }];
}
