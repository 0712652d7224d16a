import { ensurePrometheus } from './ensure-prometheus.ts';

/** `node test/dashboard/main.ts` sees to it that the programs are there which dashboard and alerts are tested with. */
try {
  for (const program of ['prometheus', 'promtool'] as const)
    console.error(`${program}: ${await ensurePrometheus(program, { say: console.error })}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
