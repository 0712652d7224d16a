import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { Leases } from '../leases.ts';
import { type LedgerCall, ledgerCall } from '../testing/ledger-call.ts';
import { until } from '../testing/stage.ts';
import { cu, whole } from '../testing/wishes.ts';
import type { LeaseHolder } from './holder.ts';

const never = new AbortController().signal;
let folder: string;
let operator: LedgerCall;
let leases: Leases;
let fatal: Error[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'retiring-'));
  operator = ledgerCall('10');
  fatal = [];
  leases = new Leases({
    folder,
    call: (request, signal) => operator.call(request, signal),
    clock: systemClock,
    times: { waitMs: 60_000, reportMs: 20, idleReturnMs: 60_000 },
    log: pino({ level: 'silent' }),
    onFatal: (error) => fatal.push(error),
    onLedgerUnknown: () => undefined,
  });
});
afterEach(async () => {
  await leases.close(AbortSignal.timeout(10));
  rmSync(folder, { recursive: true, force: true });
});

function holder(): LeaseHolder {
  return leases.of({ budget: 'chat', ledger: { uid: 'ledger-1' } });
}

function endPeriod(): void {
  leases.keepOnly(new Set(['ledger-2']));
}

test('who waits for a lease whose period is over is told at once, and can be admitted in the next one', async () => {
  await holder().reserve('a', whole('9'), never);
  const old = holder();
  const waiting = old.reserve('b', whole('5'), never);
  await until(() => old.waiting === 1);
  endPeriod();
  await expect(waiting).rejects.toMatchObject({ reason: 'lease_unavailable' });
  expect(() => holder()).toThrow(expect.objectContaining({ reason: 'lease_unavailable' }));
});

test('a lease whose period is over ends also when its journal cannot be removed', async () => {
  const first = await holder().reserve('a', whole('1'), never);
  first.settle(cu('1'));
  const file = path.join(folder, 'ledger-1.journal');
  rmSync(file);
  mkdirSync(file);
  endPeriod();
  await until(() => leases.holders.length === 0);
  expect([operator.ledger.totals.settled, operator.ledger.totals.outstanding]).toEqual([cu('1'), 0n]);
  expect(fatal).toEqual([]);
});
