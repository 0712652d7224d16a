import { median, quantile } from '../bench/figures.ts';
import type { OperatorFigures } from './operator-figures.ts';
import type { Result } from './orders.ts';
import type { RenewalCost } from './renewals.ts';

/** All that was measured. */
export interface LeaseFigures {
  clients: number;
  /** Until every client had a first grant. */
  startSeconds: number;
  plenty: { result: Result; used: OperatorFigures; seconds: number; requestsPerSecond: number };
  scarce: { clients: number; result: Result; cap: number; stranded: number; held: number };
  renewals: readonly RenewalCost[];
}

/** The tables of the page. */
export function figureLines(figures: LeaseFigures): string[] {
  return [...clientLines(figures), '', ...renewalLines(figures.renewals)];
}

function clientLines({ clients, startSeconds, plenty, scarce }: LeaseFigures): string[] {
  const { result, used, seconds, requestsPerSecond } = plenty;
  const { grantMs } = result;
  return table(
    ['', 'Figure', 'Aim'],
    [
      [`${clients} clients start at once: all have a first grant after`, `${startSeconds.toFixed(1)} s`, ''],
      [
        `A grant while capacity is plentiful (${clients} clients, ${requestsPerSecond} requests and ${(grantMs.length / seconds).toFixed(0)} grants a second), p50`,
        ms(quantile(grantMs, 0.5)),
        '',
      ],
      ['… p99', ms(quantile(grantMs, 0.99)), '< 100 ms'],
      ['… requests that failed', String(result.failed + result.refusalMs.length), '0'],
      ['Ledger and pages written to etcd', `${kb(used.writtenBytes / seconds)} KB/s`, '≤ 256 KB/s'],
      [
        '… a write',
        `${kb(used.writtenBytes / used.writes)} KB, ${(used.writes / seconds).toFixed(1)} a second`,
        '',
      ],
      ['CPU of the operator', `${((used.cpuSeconds / seconds) * 100).toFixed(0)} % of a core`, ''],
      ['Memory of the operator', `${used.residentMiB.toFixed(0)} MiB`, ''],
      [
        `A refusal near the cap (${scarce.clients} clients, ${scarce.result.refusalMs.length} refusals), p50`,
        ms(quantile(scarce.result.refusalMs, 0.5)),
        '≤ 100 ms',
      ],
      ['… p99', ms(quantile(scarce.result.refusalMs, 0.99)), '≤ 1,000 ms'],
      [
        `Stranded at exhaustion (cap ${scarce.cap} CU, worst case of a request 2 CU)`,
        `${scarce.stranded} CU`,
        `≤ ${Math.max(2, scarce.cap / 100)} CU`,
      ],
      ['… held', `${scarce.held} CU`, '0'],
    ],
  );
}

function renewalLines(renewals: readonly RenewalCost[]): string[] {
  const sizes = [...new Set(renewals.map(({ holders }) => holders))];
  const of = (holders: number, figure: (cost: RenewalCost) => number): number =>
    median(renewals.filter((cost) => cost.holders === holders).map(figure)) ?? Number.NaN;
  const base = sizes[0] ?? 0;
  return table(
    ['Holders of the ledger', ...sizes.map(String)],
    [
      ['CPU a renewal, µs', ...sizes.map((n) => of(n, cpuMicros).toFixed(0))],
      [
        '… ÷ that of the smallest',
        ...sizes.map((n) => `${pairedTo(renewals, { base, holders: n }).toFixed(2)} ×`),
      ],
      [
        'Written a renewal, bytes',
        ...sizes.map((n) => of(n, (cost) => cost.writtenBytes / cost.renewals).toFixed(0)),
      ],
      [
        'A renewal alone, p50 ms',
        ...sizes.map((n) => of(n, (cost) => quantile(cost.aloneMs, 0.5)).toFixed(1)),
      ],
    ],
  );
}

function cpuMicros({ cpuMs, renewals }: RenewalCost): number {
  return (cpuMs * 1000) / renewals;
}

/** Median of the ratios within a round: what slows the machine for a while slows both. */
function pairedTo(
  renewals: readonly RenewalCost[],
  { base, holders }: { base: number; holders: number },
): number {
  const bases = new Map(
    renewals.filter((cost) => cost.holders === base).map((cost) => [cost.round, cpuMicros(cost)]),
  );
  const ratios = renewals
    .filter((cost) => cost.holders === holders)
    .map((cost) => cpuMicros(cost) / (bases.get(cost.round) ?? Number.NaN));
  return median(ratios) ?? Number.NaN;
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}

function kb(bytes: number): string {
  return (bytes / 1000).toFixed(1);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [line(head), line(head.map((_, at) => (at === 0 ? '---' : '---:'))), ...rows.map(line)];
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
