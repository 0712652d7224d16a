/**
 * The main job, visible: a budget applied with kubectl, an application of SAP's SDK that spends until the cap, and
 * three books held against each other. Ends with 0 only if every rule holds. `KEEP=1` stays up afterwards;
 * `PLANT=price` makes one factor wrong by 0.00001, and the demo has to turn red.
 */
import { join } from 'node:path';
import { verdictLines } from '../world/comparison.ts';
import { decimalText, exact, sum } from '../world/exact.ts';
import { statusShows } from '../world/figures.ts';
import { interruptible } from '../world/interrupt.ts';
import { checkout } from '../world/programs.ts';
import { type Spending, spendAndJudge } from '../world/spending.ts';
import { operatorNamespace, World } from '../world/world.ts';
import { plantPriceError } from './plant.ts';
import { say, showCall, showLedgerTable, showText, title } from './show.ts';

const namespace = 'team-a';
const budget = { namespace, name: 'chat' };
/** The port that examples/demo/aicore-key.yaml names. */
const emulatorPort = 15490;

async function main(signal: AbortSignal): Promise<boolean> {
  title('1  A Kubernetes API server, an SAP subscription, the operator');
  const world = await World.start({ say, emulatorPort, signal });
  try {
    const isGood = await run(world, signal);
    if (process.env.KEEP) await stayUp(world, signal);
    return isGood;
  } finally {
    await world.stop();
  }
}

async function run(world: World, signal: AbortSignal): Promise<boolean> {
  if (process.env.PLANT === 'price') say(await plantPriceError(world));
  title('2  kubectl apply');
  await world.kubectl(['create', 'namespace', namespace]);
  await world.kubectl(['apply', '-n', namespace, '-f', join(checkout, 'examples', 'demo')]);
  await world.budgetCondition(budget, 'Ready', 'True');
  await showBudget(world);

  title("3  A pod, its sidecar, and SAP's own SDK in the application");
  const workload = await world.startWorkload({ namespace, name: 'chat-0', budget: budget.name });
  const application = world.startApplication(workload);
  signal.addEventListener('abort', () => void application.stop(), { once: true });
  const spending = await spendAndJudge(world, { budget, workload, application, onResult: showCall, signal });
  await application.stop();
  signal.throwIfAborted();

  title('4  The refusal, whole');
  showText('', JSON.stringify(spending.report.denial?.body, null, 2));

  title('5  Three books');
  showBooks(spending);
  await statusShows(world, budget, spending.ledger);
  await showBudget(world);

  title('6  What has to be so');
  for (const line of verdictLines(spending.verdicts)) say(line);
  return spending.verdicts.every(({ holds }) => holds);
}

function showBooks({ evidence, ledger, report }: Spending): void {
  showLedgerTable(evidence);
  const unspent = exact(ledger.cap) - exact(ledger.settled) - exact(ledger.held);
  const billed = sum(evidence.billed.map((each) => exact(each.capacityUnits)));
  say(
    `requests ${report.results.length}, billed ${decimalText(billed)} CU, left unspent ${decimalText(unspent)} CU`,
  );
}

async function showBudget(world: World): Promise<void> {
  showText('$ kubectl get saib -n team-a', await world.kubectl(['get', 'saib', '-n', namespace]));
}

async function stayUp(world: World, signal: AbortSignal): Promise<void> {
  title('Everything stays up until Ctrl-C');
  say(`export KUBECONFIG=${world.controlPlane.kubeconfigPath('admin')}`);
  say(`kubectl describe saib -n ${namespace} chat; kubectl get sail -n ${operatorNamespace} -o yaml`);
  say(`the emulator's books: ${world.emulator.url}/__emulator/books`);
  for (const { url, adminUrl } of world.sidecars)
    say(`the sidecar: ${url} for the application, ${adminUrl}/metrics`);
  say(`logs: ${world.dir}`);
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

await interruptible(main);
