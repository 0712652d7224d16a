import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { pino } from 'pino';
import { Catalogue } from '../../sidecar/catalogue.ts';
import { systemClock } from '../../sidecar/clock.ts';
import { chat } from '../../sidecar/families/chat.ts';
import type { Reservation } from '../../sidecar/lease/holder-options.ts';
import type { Wish } from '../../sidecar/lease/next-move.ts';
import { Leases } from '../../sidecar/leases.ts';
import { parseObject } from '../../sidecar/steps/read-body.ts';
import { boundRequest } from '../../sidecar/steps/bound-request.ts';
import { ledgerCall } from '../../sidecar/testing/ledger-call.ts';
import { median } from './figures.ts';
import { memoryFolder } from './memory-folder.ts';
import { chatRequest } from './shapes.ts';
import { benchBudget } from './sidecar-stage.ts';

/** Sizes of requests, bytes, whose admission is measured. */
export const admissionSizes = [1024, 102_400] as const;

/** CPU time of one admission, µs, in order of `admissionSizes`. */
export type AdmissionFigures = readonly number[];

/** What is idle covers a batch, so that nothing is asked for while it is measured. */
const batch = 500;
const batches = 40;
/** Not counted: programs are compiled as they run. */
const warmBatches = 40;

/**
 * Measures the decision about a decoded request while the lease covers it: its bound, its reservation, and the line in
 * the journal. The same code as in the sidecar, in this process, with the journal in memory and a real ledger.
 */
export async function measureAdmission(): Promise<AdmissionFigures> {
  const folder = await mkdtemp(path.join(memoryFolder(), 'bench-admission-'));
  const leases = new Leases({
    folder,
    call: ledgerCall('1000000000').call,
    clock: systemClock,
    times: { waitMs: 10_000, reportMs: 5000, idleReturnMs: 3_600_000 },
    log: pino({ level: 'silent' }),
    onFatal: (error) => {
      throw error;
    },
    onLedgerUnknown: () => {},
  });
  try {
    const figures: number[] = [];
    for (const bytes of admissionSizes) figures.push(await measureSize(leases, bytes));
    return figures;
  } finally {
    await leases.close(AbortSignal.timeout(1000));
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureSize(leases: Leases, bytes: number): Promise<number> {
  const catalogue = new Catalogue(benchBudget('whole', 0));
  const holder = leases.of(catalogue.budget);
  const signal = new AbortController().signal;
  const body = parseObject(Buffer.from(chatRequest({ bytes })));
  const [deployment] = catalogue.budget.deployments;
  if (deployment === undefined) throw new Error('the budget of the bench has no deployment');
  const demand = () => {
    const outline = chat.outline(body, { catalogue, deployment });
    return boundRequest(outline, { catalogue, nowMs: systemClock.wallMs() });
  };
  // Taken and given back at once: what the batches need is idle then.
  (await holder.reserve(`lease-${bytes}`, allOrNothing(demand().wish.amount * BigInt(batch)), signal)).settle(
    0n,
  );
  const samples: number[] = [];
  for (let round = 0; round < warmBatches + batches; round += 1) {
    const reservations: Reservation[] = [];
    const began = process.cpuUsage();
    for (let index = 0; index < batch; index += 1)
      reservations.push(await holder.reserve(`${bytes}-${round}-${index}`, demand().wish, signal));
    const { user, system } = process.cpuUsage(began);
    for (const reservation of reservations) reservation.settle(0n);
    if (round >= warmBatches) samples.push((user + system) / batch);
  }
  return median(samples) ?? Number.NaN;
}

function allOrNothing(amount: bigint): Wish {
  return { amount, smallest: amount, lower: () => undefined };
}
