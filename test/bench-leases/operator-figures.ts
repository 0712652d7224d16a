/** What the operator has used and written since it began. */
export interface OperatorFigures {
  cpuSeconds: number;
  residentMiB: number;
  /** Of ledgers and their pages. */
  writtenBytes: number;
  writes: number;
  conflicts: number;
}

/** Reads the operator's metrics. */
export function readFigures(metrics: string): OperatorFigures {
  const sum = (name: string, label = ''): number =>
    metrics
      .split('\n')
      .filter(
        (line) => line.startsWith(name) && /^[{ ]/.test(line.slice(name.length)) && line.includes(label),
      )
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  return {
    cpuSeconds: sum('process_cpu_seconds_total'),
    residentMiB: sum('process_resident_memory_bytes') / 1024 ** 2,
    writtenBytes: sum('sapaibudget_ledger_written_bytes_total'),
    writes: sum('sapaibudget_ledger_writes_total', 'outcome="written"'),
    conflicts: sum('sapaibudget_ledger_writes_total', 'outcome="conflict"'),
  };
}

/** What was used and written between two readings. */
export function between(before: OperatorFigures, after: OperatorFigures): OperatorFigures {
  return {
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    residentMiB: after.residentMiB,
    writtenBytes: after.writtenBytes - before.writtenBytes,
    writes: after.writes - before.writes,
    conflicts: after.conflicts - before.conflicts,
  };
}
