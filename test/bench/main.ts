/**
 * Measures what the sidecar costs beside nginx and a bare pass-through in Node, in front of the same servers.
 * `--write` puts the figures into docs/performance.md; `ROUNDS` and `SECONDS_EACH` make it shorter or longer, `PARTS` (small,large,stream,admission) narrower;
 * `PROFILE` names a directory for a CPU profile of the sidecar, which then runs from its source.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release } from 'node:os';
import { interruptible } from '../world/interrupt.ts';
import { startCourse } from './contestants.ts';
import { figureLines, rawLines, withFigures } from './page.ts';
import { type Plan, measure, partNames } from './rounds.ts';

const page = new URL('../../docs/performance.md', import.meta.url);
const plan: Plan = {
  rounds: Number(process.env['ROUNDS'] ?? '5'),
  seconds: Number(process.env['SECONDS_EACH'] ?? '4'),
  requestsPerSecond: 500,
  streams: 100,
  connections: 32,
  parts: partNames.filter((part) => (process.env['PARTS'] ?? part).split(',').includes(part)),
};

function describeMachine(): string {
  const model = cpus()[0]?.model ?? 'unknown processor';
  return `${model}, ${availableParallelism()} cores, Linux ${release().split('.', 2).join('.')}, Node ${process.versions.node}`;
}

await interruptible(async (signal) => {
  if (availableParallelism() < 2)
    throw new Error('the bench needs two cores: one for the proxy, one for everything else');
  const machine = describeMachine();
  const loadBefore = loadavg()[0] ?? Number.NaN;
  console.log(machine);
  const course = await startCourse({ signal, profileFolder: process.env['PROFILE'] });
  try {
    const results = await measure(course, plan, { signal, say: (line) => console.log(line) });
    const figures = figureLines(results, { plan, machine, loadBefore });
    console.log(['', ...rawLines(results), '', ...figures].join('\n'));
    if (process.argv.includes('--write'))
      await writeFile(page, withFigures(await readFile(page, 'utf8'), figures));
  } finally {
    await course.stop();
  }
  return true;
});
