import { expect, test } from 'vitest';
import { createLog } from './log.ts';
import { OperatorMetrics } from './metrics.ts';
import { TestClock } from './testing/test-clock.ts';
import { upkeepReporter } from './upkeep-reporter.ts';

test('each failure of upkeep is counted, and one line a minute and kind says how many there were', async () => {
  const lines: string[] = [];
  const log = createLog('info', { write: (line) => void lines.push(line) });
  const metrics = new OperatorMetrics({ version: 'test' });
  const clock = new TestClock();
  const report = upkeepReporter({ metrics, log, clock });
  const error = new Error('the API server does not answer');

  for (const ledger of ['a.b.2026-11', 'a.c.2026-11', 'a.d.2026-11'])
    report({ upkeep: 'tell_parent', ledger, error });
  report({ upkeep: 'fold', ledger: 'a.b.2026-11', error });
  clock.pass(60_000);
  report({ upkeep: 'tell_parent', ledger: 'a.b.2026-11', error });

  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    {
      level: 'warn',
      upkeep: 'tell_parent',
      ledger: 'a.b.2026-11',
      failures: 1,
      err: { message: error.message },
    },
    { level: 'warn', upkeep: 'fold', ledger: 'a.b.2026-11', failures: 1 },
    { level: 'warn', upkeep: 'tell_parent', ledger: 'a.b.2026-11', failures: 3 },
  ]);
  const text = await metrics.registry.metrics();
  expect(text).toContain('sapaibudget_ledger_upkeep_failures_total{upkeep="tell_parent"} 4');
  expect(text).toContain('sapaibudget_ledger_upkeep_failures_total{upkeep="fold"} 1');
  expect(text).toContain('sapaibudget_ledger_upkeep_failures_total{upkeep="delete_page"} 0');
});
