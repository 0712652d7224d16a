/**
 * Measures leases at size: many lease clients (the sidecar's own module) over HTTPS against a real operator on a real
 * API server, and what a renewal costs for ledgers of several sizes. `--write` puts the figures into
 * docs/performance.md. CLIENTS, SCARCE_CLIENTS, REQUESTS (a second), SECONDS, SIZES and ROUNDS change how much.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release } from 'node:os';
import { withFigures } from '../bench/page.ts';
import { interruptible } from '../world/interrupt.ts';
import { Clients } from './clients.ts';
import { between, readFigures } from './operator-figures.ts';
import type { ClientFiles } from './orders.ts';
import { type LeaseFigures, figureLines } from './page.ts';
import { type RenewalCost, RenewalBench } from './renewals.ts';
import { Stage } from './stage.ts';

const page = new URL('../../docs/performance.md', import.meta.url);
const plan = {
  clients: number('CLIENTS', 1000),
  processes: number('PROCESSES', 2),
  scarceClients: number('SCARCE_CLIENTS', 50),
  requestsPerSecond: number('REQUESTS', 400),
  seconds: number('SECONDS', 30),
  rounds: number('ROUNDS', 5),
  renewals: number('RENEWALS', 1000),
  sizes: (process.env['SIZES'] ?? '100,1000,5000').split(',').map(Number),
};
/** Far more than is spent. */
const plentyLimit = '1000000';
/** Left to spend when it becomes scarce, CU. */
const scarceCap = 500;
const say = (text: string): void => console.log(text);

function number(name: string, fallback: number): number {
  return Number(process.env[name] ?? fallback);
}

async function measurePlenty(
  stage: Stage,
  clients: Clients,
  files: readonly ClientFiles[],
): Promise<Pick<LeaseFigures, 'startSeconds' | 'plenty'>> {
  const { requestsPerSecond, seconds } = plan;
  const startedMs = performance.now();
  await clients.start({ operatorUrl: stage.world.operatorUrl, budget: stage.budget, clients: files });
  const startSeconds = (performance.now() - startedMs) / 1000;
  say(`${files.length} clients started in ${startSeconds.toFixed(1)} s`);
  // What the start used of the burst comes back, and pages are made.
  await clients.traffic({ requestsPerSecond, seconds: Math.min(10, seconds) });
  const before = readFigures(await stage.metrics());
  const result = await clients.traffic({ requestsPerSecond, seconds });
  const used = between(before, readFigures(await stage.metrics()));
  await clients.end();
  return { startSeconds, plenty: { result, used, seconds, requestsPerSecond } };
}

async function measureScarce(
  stage: Stage,
  clients: Clients,
  files: readonly ClientFiles[],
): Promise<LeaseFigures['scarce']> {
  const spent = Number((await stage.ledger()).settled);
  const cap = Math.ceil(spent) + scarceCap;
  await stage.setLimit(String(cap));
  const { operatorUrl } = stage.world;
  await clients.start({ operatorUrl, budget: stage.budget, clients: await stage.anew(files) });
  const result = await clients.exhaust({ width: 2, refusals: 2 });
  await clients.end();
  const after = await stage.ledger();
  const stranded = Math.round((cap - Number(after.settled)) * 100) / 100;
  return { clients: files.length, result, cap: scarceCap, stranded, held: Number(after.held) };
}

async function measureRenewals(stage: Stage): Promise<RenewalCost[]> {
  const namespace = await stage.world.controlPlane.createNamespace({ prefix: 'renewals' });
  const bench = new RenewalBench(stage.world.controlPlane, namespace);
  const costs: RenewalCost[] = [];
  for (const holders of plan.sizes) await bench.open(holders);
  for (let round = 0; round <= plan.rounds; round += 1) {
    for (const holders of plan.sizes) {
      const cost = await bench.round(holders, { renewals: plan.renewals, round });
      // The first round compiles the code and makes the pages.
      if (round > 0) costs.push(cost);
    }
  }
  await bench.stop();
  return costs;
}

function describe(loadBefore: number): string {
  const model = cpus()[0]?.model ?? 'unknown processor';
  return `${model}, ${availableParallelism()} cores for clients, operator, API server and etcd together, Linux ${release().split('.', 2).join('.')}, Node ${process.versions.node}; load average before: ${loadBefore.toFixed(1)}.`;
}

await interruptible(async (signal) => {
  const machine = describe(loadavg()[0] ?? Number.NaN);
  say(machine);
  const stage = await Stage.start({ limit: plentyLimit, signal, say });
  const clients = new Clients(plan.processes);
  try {
    say(`making ${plan.clients} pods`);
    const files = await stage.makeClients(plan.clients);
    const rich = await measurePlenty(stage, clients, files);
    say(JSON.stringify({ ...rich.plenty, result: rich.plenty.result.grantMs.length }));
    const scarce = await measureScarce(stage, clients, files.slice(0, plan.scarceClients));
    const renewals = await measureRenewals(stage);
    const lines = figureLines({ clients: plan.clients, ...rich, scarce, renewals });
    say(['', ...lines].join('\n'));
    if (process.argv.includes('--write')) {
      const text = withFigures(await readFile(page, 'utf8'), [machine, '', ...lines], 'bench-leases');
      await writeFile(page, text);
    }
  } finally {
    clients.stop();
    await stage.stop();
  }
  return true;
});
