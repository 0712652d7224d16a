import { formatAmount, parseAmount } from '../../accounting/amount.ts';
import { idle } from '../../accounting/lease.ts';
import { isLateKey } from '../../accounting/ledger-late.ts';
import type { Ledger, LedgerRow } from '../../accounting/ledger.ts';
import { emptyRow, isLedgerKey, unused } from '../../accounting/ledger.ts';
import type { Ask, LeaseAnswer, LeaseRefusalReason, LeaseRequest } from '../../accounting/messages.ts';
import type { Caller, StoredChange, Version } from './api-server.ts';
import type { Holder } from './holder.ts';
import type { Pod, Process } from './pod.ts';
import { Account } from './truth.ts';
import type { Replica } from './replica.ts';
import { type Denial, checkRound, noteRound } from './round-check.ts';
import { checkLate, checkPodRow } from './row-check.ts';
import { checkTree } from './tree-check.ts';
import { hold } from './violation.ts';
import type { World } from './world.ts';

/** By life of a replica and ledger: the greatest `seq` it has stored. */
const seen = new WeakMap<Caller, Map<string, number>>();

/** Looks at a ledger that has just been stored. */
export function checkStored(world: World, change: StoredChange): void {
  const { before, after, caller } = change;
  const { ledger, uid } = after;
  if (!before) world.noteMade(change);
  const growth = compareRows(world, { before: before?.ledger, ledger, uid });
  const capBefore = before?.ledger.cap ?? ledger.cap;
  if (growth.granted > 0n) {
    // What lowered `available` in the same write after the grant does not count against it.
    const lowered = capBefore > ledger.cap ? capBefore - ledger.cap : 0n;
    const { settled, outstanding, held } = ledger.totals;
    const left = ledger.cap - settled - outstanding - held + growth.overrun + growth.revoked + lowered;
    hold('grant within the cap', left >= 0n, () => `${growth.granted} granted, ${left} left`);
    checkNotBack(change, before);
  }
  checkTree(world, change, growth);
  const seqs = seen.get(caller) ?? new Map<string, number>();
  seen.set(caller, seqs.set(uid, ledger.seq));
  checkHeld(after);
  const greatest = world.greatestCaps.get(uid) ?? 0n;
  if (ledger.cap > greatest) world.greatestCaps.set(uid, ledger.cap);
}

/** A replica that has stored a later change of this ledger must not grant from an older one. */
function checkNotBack(
  { after, caller }: { after: Version; caller: Caller },
  before: Version | undefined,
): void {
  const latest = seen.get(caller)?.get(after.uid) ?? 0;
  const from = before?.ledger.seq ?? 0;
  hold(
    'no grant after going back',
    from >= latest,
    () => `granted from change ${from}, has stored ${latest}`,
  );
}

/** By how much the sums of all rows have grown with one write. */
export interface Growth {
  granted: bigint;
  overrun: bigint;
  revoked: bigint;
}

/** Compares each row with what was stored before. */
function compareRows(
  world: World,
  { before, ledger, uid }: { before: Ledger | undefined; ledger: Ledger; uid: string },
): Growth {
  const growth: Growth = { granted: 0n, overrun: 0n, revoked: 0n };
  for (const row of ledger.rows.values()) {
    const old = before?.rows.get(row.key) ?? emptyRow(row);
    if (!isSame(row, old)) compareRow(world, { row, old, uid }, growth);
  }
  for (const old of before?.rows.values() ?? []) {
    if (ledger.rows.has(old.key)) continue;
    growth.granted -= old.granted;
    growth.overrun -= old.overrun;
    checkFolded(world, old, uid);
  }
  return growth;
}

function compareRow(
  world: World,
  { row, old, uid }: { row: LedgerRow; old: LedgerRow; uid: string },
  growth: Growth,
): void {
  // What is held for a ledger that was lost is granted to nobody.
  if (row.key !== 'recovered') growth.granted += row.granted - old.granted;
  growth.overrun += row.overrun - old.overrun;
  if (old.released > row.released) growth.revoked += old.released - row.released;
  checkParts(row);
  if (isLateKey(row.key)) checkLate(world, row, uid);
  const pod = world.podOf(row.key);
  if (pod || isLedgerKey(row.key)) checkGrowth(row, old);
  if (pod) checkPodRow(world, { pod, row, old, uid });
}

/** Figures by which two versions of a row are told apart. */
const figures = [
  'granted',
  'spent',
  'overrun',
  'unknown',
  'lost',
  'returned',
  'released',
  'seq',
  'incarnation',
  'state',
  'processId',
  'expires',
  'tokenExpires',
] as const;

function isSame(row: LedgerRow, old: LedgerRow): boolean {
  return row === old || figures.every((figure) => row[figure] === old[figure]);
}

function checkParts(row: LedgerRow): void {
  const { key, granted, spent, overrun, unknown, lost, returned, released } = row;
  const sum = spent - overrun + unknown + lost + returned + released + unused(row);
  hold('parts add up', sum === granted, () => `${key}: ${sum} accounted for, ${granted} granted`);
}

function checkGrowth(row: LedgerRow, old: LedgerRow): void {
  const shrunk = cumulative.find((figure) => row[figure] < old[figure]);
  hold('figures only grow', shrunk === undefined, () => `${row.key}: ${shrunk} went back`);
}

/** Figures that never go back. */
const cumulative = ['granted', 'spent', 'overrun', 'returned', 'incarnation', 'seq', 'tokenExpires'] as const;

/** Only what is closed out may be folded, and with all that the pod has spent. */
function checkFolded(world: World, row: LedgerRow, uid: string): void {
  const pod = world.podOf(row.key);
  const account = pod?.accountOf(uid);
  hold('figures only grow', pod !== undefined && pod.gone, () => `${row.key} vanished, and its pod is there`);
  if (!account) return;
  Object.assign(account, { folded: true, disturbed: true });
  const exempt = account.twice || world.wentBack.has(uid);
  const covered = row.spent + account.wronglyReleased + row.overrun >= account.bounded;
  hold(
    'spend within the charge',
    exempt || covered,
    () => `${row.key} was folded with ${row.spent} of ${account.billed}`,
  );
}

/** Every held amount has a line that says whose it is, why, since when and how it comes back. */
function checkHeld({ heldLines, ledger }: Version): void {
  let sum = 0n;
  for (const line of heldLines) {
    const [key = '', reason, , since = '', amount = '', wayBack] = line.split(' ');
    sum += parseAmount(amount);
    const explained = key === '*' || (ledger.rows.has(key) && reason && wayBack && Date.parse(since) > 0);
    hold('held is explained', Boolean(explained), () => `"${line}" does not say it all`);
  }
  const { held } = ledger.totals;
  hold('held is explained', sum === held, () => `${formatAmount(sum)} explained of ${formatAmount(held)} CU`);
}

/** What a pod has spent, and what its processes may still spend, must be charged to its row. */
export function checkPod(world: World, pod: Pod, uid: string): void {
  const account = pod.accounts.get(uid);
  if (!account || account.twice || account.folded || world.wentBack.has(uid)) return;
  const row = world.api.byUid(uid)?.ledger.rows.get(pod.key);
  const charge = row ? row.granted - row.returned - row.released : 0n;
  const committed = account.bounded + mayStillSpend(pod, account, { uid, row });
  hold(
    'spend within the charge',
    committed <= charge + account.wronglyReleased,
    () => `${pod.key} of ${uid}: ${committed} spent or to be spent, ${charge} charged`,
  );
}

function mayStillSpend(
  pod: Pod,
  account: Account,
  { uid, row }: { uid: string; row: LedgerRow | undefined },
): bigint {
  // A holder of a released row has no token that SAP accepts: what it sends all the same shows in `bounded`.
  if (row?.state === 'released') return 0n;
  return pod.processes.reduce((sum, process) => sum + spendable(process, account, uid), 0n);
}

function spendable(process: Process, account: Account, uid: string): bigint {
  const holder = process.holders.get(uid);
  if (!holder || holder.phase !== 'open') return 0n;
  let sum = idle(holder.lease);
  for (const ids of [holder.lease.reservations, holder.lease.unknowns]) {
    for (const [id, { amount }] of ids) {
      const request = account.requests.get(id);
      sum += amount - (request ? Account.boundedCost(request) : 0n);
    }
  }
  return sum;
}

/** SAP's books against the greatest cap, at each level from this ledger on, where nothing was broken on purpose. */
export function checkBilled(world: World, uid: string): void {
  for (const at of world.api.pathOf(uid)) {
    const billed = world.wentBack.has(at) ? undefined : billedBelow(world, at);
    const cap = world.greatestCaps.get(at) ?? 0n;
    const holds = billed === undefined || billed <= cap;
    hold('spend within the cap', holds, () => `${billed} billed, the cap of ${at} was never above ${cap}`);
  }
}

/** What SAP has billed to pods of a ledger and of those below it; undefined where an assumption was broken there. */
function billedBelow(world: World, uid: string): bigint | undefined {
  let billed = 0n;
  for (const pod of world.pods) {
    for (const [at, account] of pod.accounts) {
      if (!world.api.pathOf(at).includes(uid)) continue;
      // Who deletes a ledger gets nothing for it: what it had stays charged above.
      if (account.twice || (world.wentBack.has(at) && !world.deleted.has(at))) return undefined;
      billed += account.bounded - account.wronglyReleased;
    }
  }
  return billed;
}

/** Refusals that a holder which keeps the rules must not meet, unless its row was taken from it. */
const blunders: ReadonlySet<LeaseRefusalReason> = new Set([
  'report_backwards',
  'sequence_gap',
  'row_unknown',
] as const);

/** Looks at an answer that leaves the operator. */
export function checkAnswer(
  world: World,
  given: { pod: Pod; replica: Replica; request: LeaseRequest; answer: LeaseAnswer },
): void {
  const { pod, request, answer } = given;
  noteTold(pod, request, answer);
  const { disturbed, twice } = pod.accountOf(request.ledgerUid);
  const isNormal = !disturbed && !twice && !world.wentBack.has(request.ledgerUid) && !world.staleReads;
  if (answer.kind === 'refused') {
    const isBlunder =
      isNormal && (blunders.has(answer.reason) || supersedesNewest(pod, request, answer.reason));
    hold('who keeps the rules is not refused', !isBlunder, () => `${pod.key}: ${answer.reason}`);
    return;
  }
  noteRound(world, given, answer);
  if (isNormal) checkSameAnswer(world, request, answer);
  world.answered.set(request, answer);
  checkGrant(world, given, answer);
}

/** What a report says of overrun must be booked in the end, also that of a process that was followed by another. */
function noteTold(pod: Pod, request: LeaseRequest, answer: LeaseAnswer): void {
  const isHeard = answer.kind !== 'refused' || answer.reason === 'process_superseded';
  if (request.kind !== 'report' || !isHeard) return;
  const account = pod.accountOf(request.ledgerUid);
  if (request.overrun > account.toldOverrun) account.toldOverrun = request.overrun;
}

function supersedesNewest(pod: Pod, request: LeaseRequest, reason: LeaseRefusalReason): boolean {
  return reason === 'process_superseded' && pod.process?.holders.get(request.ledgerUid)?.pending === request;
}

function checkSameAnswer(
  world: World,
  request: LeaseRequest,
  answer: Exclude<LeaseAnswer, { kind: 'refused' }>,
): void {
  const earlier = world.answered.get(request);
  // A late repetition may find that its holder has gone on.
  if (!earlier || earlier.kind === 'refused' || earlier.seq !== answer.seq) return;
  // One that waits may be granted after its repetition was answered.
  if (request.kind === 'report' && request.ask?.least !== undefined) return;
  const same = earlier.row.granted === answer.row.granted && earlier.incarnation === answer.incarnation;
  hold('same message, same answer', same, () => `${earlier.row.granted} granted, then ${answer.row.granted}`);
}

/** Whether the ledger knows the process that was answered, unless it went back in time. */
function isOfNewest(
  { api, wentBack }: World,
  { pod, request: { ledgerUid } }: { pod: Pod; request: LeaseRequest },
  { incarnation }: Exclude<LeaseAnswer, { kind: 'refused' }>,
): boolean {
  const row = api.byUid(ledgerUid)?.ledger.rows.get(pod.key);
  return row === undefined || wentBack.has(ledgerUid) || row.incarnation >= incarnation;
}

function checkGrant(
  world: World,
  { pod, replica, request }: { pod: Pod; replica: Replica; request: LeaseRequest },
  answer: Exclude<LeaseAnswer, { kind: 'refused' }>,
): void {
  if (request.kind !== 'report') return;
  hold(
    'only the newest process is granted',
    isOfNewest(world, { pod, request }, answer) && request.incarnation === answer.incarnation,
    () => `${pod.key}: process ${request.incarnation} was answered as ${answer.incarnation}`,
  );
  const holder = pod.process?.holders.get(request.ledgerUid);
  // One that came twice may have been denied before, and finds now what came back since.
  const once = world.arrivals.get(request) === 1 && holder?.pending === request;
  if (once && request.ask) checkDenial(world, { pod, replica, request, holder, ask: request.ask }, answer);
}

function checkRefused(world: World, ask: Ask, answer: Exclude<LeaseAnswer, { kind: 'refused' }>): void {
  if (answer.kind === 'reported' && answer.round) world.reach.checkRefused(world, ask);
}

function checkDenial(
  world: World,
  { holder, ...denial }: Denial & { holder: Holder },
  answer: Exclude<LeaseAnswer, { kind: 'refused' }>,
): void {
  if (answer.row.granted > holder.lease.granted) return;
  const { pod, ask } = denial;
  const isTree = world.family.length > 1;
  if (ask.least !== undefined && isTree) return checkRefused(world, ask, answer);
  if (ask.least !== undefined) return checkRound(world, denial, answer);
  // What a ledger above could give may be more by now than when it was asked.
  if (isTree) return;
  // After an unclear write it may have been denied before, too.
  const denied = !world.apiFailed && ask.need > 0n && answer.ledger.grantable >= ask.need;
  hold('no refusal while there is enough', !denied, () => `${pod.key}: ${ask.need} denied`);
}
