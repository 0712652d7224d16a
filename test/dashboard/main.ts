/**
 * `node test/dashboard/main.ts` spends in a world that Prometheus scrapes, and prints what each query of the dashboard
 * comes to; ends with 1 if one comes back empty. With `--fetch-only` it only sees to it that Prometheus is there.
 */
import { interruptible } from '../world/interrupt.ts';
import { dashboardQueries } from './dashboard-queries.ts';
import { ensurePrometheus } from './ensure-prometheus.ts';
import type { Sample } from './prometheus.ts';
import { spendAll, startScene } from './spending-scene.ts';

const maxShown = 3;

async function show(): Promise<boolean> {
  const scene = await startScene(console.error);
  try {
    await spendAll(scene);
    let isGood = true;
    for (const { title, legend, query } of dashboardQueries) {
      const samples = await scene.prometheus.query(query);
      isGood &&= samples.some(({ value }) => Number.isFinite(value));
      console.log(`\n${title}: ${legend}\n  ${query}`);
      for (const line of samples.slice(0, maxShown).map(lineOf)) console.log(`  ${line}`);
      if (samples.length > maxShown) console.log(`  … ${samples.length} in all`);
      if (samples.length === 0) console.log('  EMPTY');
    }
    return isGood;
  } finally {
    await scene.stop();
  }
}

function lineOf({ labels, value }: Sample): string {
  const told = Object.entries(labels).map(([name, text]) => `${name}="${text}"`);
  return `→ {${told.join(', ')}} ${value}`;
}

async function fetchPrograms(): Promise<boolean> {
  for (const program of ['prometheus', 'promtool'] as const)
    console.error(`${program}: ${await ensurePrometheus(program, { say: console.error })}`);
  return true;
}

await interruptible(process.argv.includes('--fetch-only') ? fetchPrograms : show);
