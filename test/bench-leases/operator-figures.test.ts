import { expect, test } from 'vitest';
import { between, readFigures } from './operator-figures.ts';

const text = `# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
process_cpu_seconds_total 2.5
process_resident_memory_bytes 104857600
sapaibudget_ledger_writes_total{outcome="written"} 7
sapaibudget_ledger_writes_total{outcome="conflict"} 2
sapaibudget_ledger_written_bytes_total 4096
sapaibudget_ledger_written_bytes_total_of_something_else 1
`;

test('figures are read from the operator’s metrics, and what was used is their difference', () => {
  const before = readFigures(text);
  expect(before).toEqual({ cpuSeconds: 2.5, residentMiB: 100, writtenBytes: 4096, writes: 7, conflicts: 2 });
  const after = readFigures(text.replace('total 2.5', 'total 3.5').replace('total 4096', 'total 5000'));
  expect(between(before, after)).toEqual({
    cpuSeconds: 1,
    residentMiB: 100,
    writtenBytes: 904,
    writes: 0,
    conflicts: 0,
  });
});
