/**
 * The main job, as it is installed: `helm install`, two teams with a budget and a subscription each, and a label on
 * their pods. Whatever runs, the operator included, is started by the runner from objects of the API server; the
 * applications are SAP's and OpenAI's SDKs as they are. Ends with 0 only if every rule holds.
 *
 * `KEEP=1` stays up afterwards. `PLANT=price` makes one factor wrong by 0.00001, `PLANT=chart` leaves out the chart,
 * `PLANT=webhook` takes the webhook away: each has to turn the demo red.
 */
import { join } from 'node:path';
import { compareBooks, judgeRefusals, type Verdict, verdictLines } from '../world/comparison.ts';
import { judgeFailures, judgeReceipts } from '../world/evidence.ts';
import { statusShows } from '../world/figures.ts';
import { InstalledWorld } from '../world/installed-world.ts';
import { interruptible } from '../world/interrupt.ts';
import { searchEverywhere } from '../world/known-secrets.ts';
import { operatorNamespace } from '../world/names.ts';
import { journalsInMemory } from './journals.ts';
import { checkout } from '../world/programs.ts';
import { billTheDay, judgeStatement } from './billing.ts';
import { plantPriceError, readPlant, takeWebhookAway } from './plant.ts';
import { createCallPrinter, say, showLedgerTable, showText, title } from './show.ts';
import { stayUp } from './stay-up.ts';
import { budgetName, followSpending, type SpentTeam, teams } from './team.ts';

/** The port that the keys of examples/demo name. */
const emulatorPort = 15490;
/** The operator counts the pods of budgets several times a minute. */
const isCovered = [`saib/${budgetName}`, '--for=jsonpath={.status.pods.coverage}=1/1', '--timeout=60s'];
const plant = readPlant(process.env.PLANT);

async function main(signal: AbortSignal): Promise<boolean> {
  title('1  A Kubernetes API server, an SAP subscription for each of two teams, helm install');
  const credentialNamespaces = teams.map(({ namespace }) => namespace);
  const installChart = plant !== 'chart';
  const world = await InstalledWorld.start({ say, signal, emulatorPort, credentialNamespaces, installChart });
  try {
    const isGood = await run(world, signal);
    if (process.env.KEEP) await stayUp(world, signal);
    return isGood;
  } finally {
    await world.stop();
  }
}

async function run(world: InstalledWorld, signal: AbortSignal): Promise<boolean> {
  if (plant === 'price') say(await plantPriceError(world));
  if (plant === 'webhook') say(await takeWebhookAway(world));
  title('2  kubectl apply: secrets, a budget and an application for each team');
  for (const { namespace } of teams) {
    const folder = join(checkout, 'examples', 'demo', namespace);
    await world.kubectl(['apply', '-n', namespace, '-f', folder]);
    await world.kubectl([
      'wait',
      '-n',
      namespace,
      '--for=condition=Ready',
      `saib/${budgetName}`,
      '--timeout=30s',
    ]);
  }
  await show(world, 'saib');

  title('3  The pods have a sidecar now, and spend until they are refused');
  const printCall = createCallPrinter();
  const follow = teams.map((team) =>
    followSpending(world, { team, signal, onResult: (result) => printCall(team.namespace, result) }),
  );
  const spent = await Promise.all(follow);
  for (const { team, pod, results } of spent) {
    const names = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ name }) => name);
    say(
      `${team.namespace}: ${results.length} calls of ${team.sdk}; containers of ${pod.metadata.name}: ${names.join(', ')}`,
    );
  }
  const [first] = spent;
  title('4  The refusal, whole');
  showText('', JSON.stringify(first?.denial?.body, null, 2));
  return judge(world, spent);
}

async function judge(world: InstalledWorld, spent: SpentTeam[]): Promise<boolean> {
  title('5  Three books for each team');
  for (const { team, evidence, ledger } of spent) {
    showText(team.namespace, '');
    showLedgerTable(evidence);
    await statusShows(world, { namespace: team.namespace, name: budgetName }, ledger);
  }
  title('6  Somebody calls past the sidecar, SAP closes the day, the operator polls');
  const bypass = await billTheDay(world, spent);
  say(`past the sidecar: ${bypass.capacityUnits} CU`);
  const verdicts: Verdict[] = [];
  for (const each of spent) {
    const { evidence, results, team } = each;
    const own = [
      ...compareBooks(evidence),
      ...judgeRefusals(evidence),
      ...judgeReceipts(results, evidence.billed),
      ...judgeFailures(results),
    ];
    verdicts.push(...own.map((verdict) => ({ ...verdict, rule: `${team.namespace}: ${verdict.rule}` })));
    verdicts.push(...(await judgeStatement(world, each, bypass)));
  }
  for (const { namespace } of teams) await world.kubectl(['wait', ...isCovered, '-n', namespace]);
  await show(world, 'saib,sais', '-o', 'wide');
  verdicts.push(...(await searchSecretsOf(world, spent)));
  title('7  What has to be so');
  for (const line of verdictLines(verdicts)) say(line);
  return verdicts.every(({ holds }) => holds);
}

/** Objects, and what every container has printed; the applications' environment is in their pods' objects. */
async function searchSecretsOf(world: InstalledWorld, spent: SpentTeam[]): Promise<Verdict[]> {
  const operator = await world.kubectl([
    'logs',
    '-n',
    operatorNamespace,
    'deployment/sap-ai-budget-operator',
  ]);
  const places = [{ name: 'log of the operator', text: operator }];
  for (const { team, pod } of spent)
    for (const container of ['application', 'sap-ai-budget']) {
      const text = await world.logs(team.namespace, pod.metadata.name, container);
      places.push({ name: `log of ${container} in ${team.namespace}`, text });
    }
  places.push(...(await journalsInMemory()));
  const namespaces = [operatorNamespace, ...teams.map(({ namespace }) => namespace)];
  return searchEverywhere(world.controlPlane, { namespaces, places });
}

async function show(world: InstalledWorld, what: string, ...options: string[]): Promise<void> {
  const args = ['get', what, '-A', ...options];
  showText(`$ kubectl ${args.join(' ')}`, await world.kubectl(args));
}

await interruptible(main);
