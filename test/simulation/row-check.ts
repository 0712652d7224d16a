import { lateKey } from '../../accounting/ledger-late.ts';
import type { LedgerRow } from '../../accounting/ledger.ts';
import { type Ask, maxOlderProcessIds } from '../../accounting/messages.ts';
import type { Holder } from './holder.ts';
import type { Pod } from './pod.ts';
import { hold } from './violation.ts';
import type { World } from './world.ts';

/** A row of a pod that has changed, as it is and as it was. */
interface ChangedRow {
  readonly pod: Pod;
  readonly row: LedgerRow;
  readonly old: LedgerRow;
  readonly uid: string;
}

/** Looks at what has become of a pod's row with one write. */
export function checkPodRow(world: World, changed: ChangedRow): void {
  const { pod, row, old, uid } = changed;
  checkGrantedOnce(world, changed);
  const told = row.seq > old.seq ? reportOf(pod, { row, uid }) : undefined;
  if (told?.keptBack === 0n && told.ask?.least !== undefined)
    world.cameMs.set(`${row.key} ${uid}`, world.nowMs);
  world.touch(pod, uid);
  if (row.released > old.released) pod.accountOf(uid).disturbed = true;
  if (row.processId !== old.processId && !world.wentBack.has(uid)) checkNewProcess(changed);
}

/** The report that was booked last, while its process waits for the answer; and what it had kept back when it was made. */
function reportOf(pod: Pod, { row, uid }: Pick<ChangedRow, 'row' | 'uid'>) {
  const { pending, keptBack = 0n }: Partial<Holder> = pod.process?.holders.get(uid) ?? {};
  const isIts =
    pending?.kind === 'report' && pending.seq === row.seq && pending.incarnation === row.incarnation;
  return isIts ? { ask: pending.ask, keptBack } : undefined;
}

/** However often a report comes, and on how many ways it is granted to: it gets what it asks for, once. */
function checkGrantedOnce(world: World, { pod, row, old, uid }: ChangedRow): void {
  const account = pod.accountOf(uid);
  const told = reportOf(pod, { row, uid });
  if (row.seq !== old.seq || row.incarnation !== old.incarnation)
    // In one write a former ask may be granted, and what came after it be booked.
    account.grantedBefore = told && !told.ask ? row.granted : old.granted;
  if (!told || account.twice || world.wentBack.has(uid)) return;
  const most = mostOf(told.ask);
  const granted = row.granted - account.grantedBefore;
  const fits = granted <= most;
  hold('same message, same answer', fits, () => `${pod.key}: ${granted} granted, ${most} wanted`);
}

function mostOf({ need, want }: Ask = { need: 0n, want: 0n }): bigint {
  return [need, want].reduce((most, amount) => (amount > most ? amount : most), 0n);
}

/** A process whose journal is gone on from has told no more than that says. */
export function checkLate(world: World, { key, overrun }: LedgerRow, uid: string): void {
  const account = world.podOf(key.slice(lateKey('').length))?.accountOf(uid);
  const isDue = account === undefined || account.journalLost || account.twice || world.wentBack.has(uid);
  hold(
    'overrun is booked once',
    isDue,
    () => `${key}: ${overrun} of a process whose journal was gone on from`,
  );
}

/**
 * A process opens its lease once, and none takes it from one that began later and found in its journal that it had begun.
 * Where the journal was lost in between, a late `open` does: the running process is told so, ends and begins anew. Of a
 * pod whose row was folded nothing is known any more: a message that an operator had taken before it was deleted makes a
 * row of nothing.
 */
function checkNewProcess({ pod, row: { processId }, old, uid }: ChangedRow): void {
  const account = pod.accountOf(uid);
  const isExempt = account.twice || account.folded;
  const isNew = isExempt || !account.processIds.includes(processId);
  hold('only the newest process is granted', isNew, () => `${pod.key}: ${processId} opens its lease again`);
  const isLate = !isExempt && account.isBefore(processId, old.processId);
  hold(
    'only the newest process is granted',
    !isLate,
    () => `${pod.key}: ${processId} takes the lease from ${old.processId}`,
  );
  account.processIds = [processId, ...account.processIds].slice(0, maxOlderProcessIds);
  if (account.journalLost && !isRunning(pod.process?.holders.get(uid), processId)) account.disturbed = true;
}

/** Whether a lease is that of a process, or it is about to open it. */
function isRunning(holder: Holder | undefined, processId: string): boolean {
  const { pending } = holder ?? {};
  const opens = pending?.kind === 'open' && pending.processId === processId;
  return opens || holder?.lease.processId === processId;
}
