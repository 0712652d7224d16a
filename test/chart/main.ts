import { ensureHelm, helmMajors } from './helm.ts';

/** `node test/chart/main.ts` sees to it that the versions of Helm are there which the chart is tested with. */
try {
  for (const major of helmMajors)
    console.error(`helm ${major}: ${await ensureHelm(major, { say: console.error })}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
