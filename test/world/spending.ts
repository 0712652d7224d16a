import { eventually } from '../control-plane/eventually.ts';
import type { Application, CallResult } from './application.ts';
import { compareBooks, type Evidence, judgeRefusals, type Verdict } from './comparison.ts';
import { cutShortOf, judgeFailures, judgeReceipts, refusalsOf } from './evidence.ts';
import { exact } from './exact.ts';
import { readLedger, readMetered, type StoredLedger } from './figures.ts';
import { searchEverywhere } from './known-secrets.ts';
import { judgeMeteredLines } from './metered-lines.ts';
import { readReceipt, readStatus, type SidecarDoor } from './sidecar-status.ts';
import { filesOf } from './secret-search.ts';
import { spendUntilRefused } from './traffic.ts';
import { operatorNamespace } from './names.ts';
import type { Workload, World } from './world.ts';

export interface SpendingOptions {
  budget: { namespace: string; name: string };
  workload: Workload;
  application: Application;
  onResult?: (result: CallResult) => void;
  signal?: AbortSignal;
}

/** A budget that was spent until it refused, and everything that can be said about it from outside. */
export interface Spending {
  results: CallResult[];
  /** The first refusal, whole. */
  denial: CallResult | undefined;
  evidence: Evidence;
  ledger: StoredLedger;
  verdicts: Verdict[];
}

/** Spends a budget to its cap with the mixture of calls every run has, and judges the books. */
export async function spendAndJudge(world: World, options: SpendingOptions): Promise<Spending> {
  const { budget, workload, application, onResult = () => {}, signal } = options;
  const cap = exact((await readLedger(world, budget)).cap);
  // One wave of calls reserves less than a tenth of the caps that runs are given.
  const isFarFromCap = async (): Promise<boolean> => {
    const { spent, unknown } = await readStatus(workload, budget);
    return (exact(spent) + exact(unknown)) * 10n < cap * 7n;
  };
  const results = await spendUntilRefused({
    application,
    receipt: (id) => readReceipt(workload, id),
    onResult,
    isFarFromCap,
    ...(signal && { signal }),
  });
  const ledger = await reportedLedger(world, options);
  const metered = await readMetered(workload.sidecar);
  const billed = await world.emulator.entries();
  const evidence: Evidence = {
    ledger,
    metered,
    billed,
    refusals: refusalsOf(results, billed),
    cutShort: cutShortOf(results, billed),
  };
  const namespaces = [budget.namespace, operatorNamespace];
  const places = [
    ...(await filesOf(workload.sidecar.journalDir)),
    { name: 'environment of the application', text: JSON.stringify(application.env) },
    { name: 'output of the application', text: application.output },
    { name: 'log of the operator', text: await world.programs.log('operator') },
    { name: 'log of the sidecar', text: await world.programs.log(workload.sidecar.program) },
  ];
  const secrets = await searchEverywhere(world.controlPlane, { namespaces, places });
  const verdicts = [
    ...compareBooks(evidence),
    ...judgeMeteredLines(ledger, billed),
    ...judgeRefusals(evidence),
    ...judgeReceipts(results, billed),
    ...judgeFailures(results),
    ...secrets,
  ];
  return { results, denial: results.find(({ outcome }) => outcome === 'denied'), evidence, ledger, verdicts };
}

/** The ledger once everything its sidecar knows has been reported. */
export async function reportedLedger(
  world: Pick<World, 'controlPlane'>,
  { budget, workload }: { budget: SpendingOptions['budget']; workload: SidecarDoor },
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
