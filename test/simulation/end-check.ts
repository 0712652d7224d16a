import type { NanoCu } from '../../accounting/amount.ts';
import { lateKey } from '../../accounting/ledger-late.ts';
import type { Ledger, LedgerRow } from '../../accounting/ledger.ts';
import { unused } from '../../accounting/ledger.ts';
import type { Pod } from './pod.ts';
import type { Account } from './truth.ts';
import { checkLevels, leaseOfGone } from './tree-heal.ts';
import { hold } from './violation.ts';
import type { World } from './world.ts';

/** Whether the ledgers know all of everybody who could always go on with his journal, once he has told it. */
export function checkTold(world: World): void {
  for (const { pod, account, ledger } of accountsOf(world)) {
    const row = ledger.rows.get(pod.key);
    if (!row || pod.gone || account.journalLost || account.disturbed) continue;
    checkExact(pod, account, row);
    checkUsage(pod, account, ledger);
  }
}

/** Whether the books agree once everything has healed. */
export function checkEnd(world: World): void {
  checkLevels(world);
  for (const { pod, account, ledger } of accountsOf(world)) checkAccount(pod, account, rowsOf(ledger, pod));
  for (const name of world.api.names) {
    const version = world.api.latest(name);
    if (!version || world.wentBack.has(version.uid)) continue;
    const { ledger } = version;
    const outstanding = ledger.totals.outstanding - leaseOfGone(world, version);
    hold(
      'what nobody uses comes back',
      outstanding === 0n,
      () => `${outstanding} of ${name} are still outstanding`,
    );
  }
}

/** Accounts of which the ledger should know: not of those where an assumption was broken that it depends on. */
function accountsOf(world: World): { pod: Pod; account: Account; ledger: Ledger }[] {
  const versions = world.api.names.map((name) => world.api.latest(name));
  return versions.flatMap((version) => {
    if (!version || world.wentBack.has(version.uid)) return [];
    return world.pods.flatMap((pod) => {
      const account = pod.accounts.get(version.uid);
      return account && !account.twice && !account.folded ? [{ pod, account, ledger: version.ledger }] : [];
    });
  });
}

function rowsOf({ rows }: Ledger, { key }: Pod): { row: LedgerRow | undefined; late: NanoCu } {
  return { row: rows.get(key), late: rows.get(lateKey(key))?.overrun ?? 0n };
}

function checkAccount(
  pod: Pod,
  account: Account,
  { row, late }: { row: LedgerRow | undefined; late: NanoCu },
): void {
  if (!row) {
    hold(
      'all is booked in the end',
      account.billed === 0n,
      () => `${pod.key} has spent ${account.billed} without a row`,
    );
    return;
  }
  const booked = row.spent + row.unknown + row.lost + unused(row) + account.wronglyReleased;
  const least = account.bounded;
  hold(
    'all is booked in the end',
    booked >= least,
    () => `${pod.key}: ${booked} settled or held, ${least} billed`,
  );
  const told = account.toldOverrun;
  hold(
    'all is booked in the end',
    row.overrun + late >= told,
    () => `${pod.key}: ${row.overrun + late} overrun, ${told} told`,
  );
  const most = account.wronglyReleased + account.excessLearned;
  if (!account.disturbed)
    hold(
      'overrun is booked once',
      row.overrun <= most,
      () => `${pod.key}: ${row.overrun} overrun, ${most} at most`,
    );
}

/** Of a pod that could always go on with its journal the ledger knows everything. */
function checkExact({ key }: Pod, account: Account, row: LedgerRow): void {
  let spent = 0n;
  let unknown = 0n;
  for (const { learned, sent, cost, reserved } of account.requests.values()) {
    if (learned) spent += sent ? cost : 0n;
    else unknown += reserved;
  }
  hold('all is booked in the end', row.spent === spent, () => `${key}: ${row.spent} settled, ${spent} spent`);
  const { excessLearned: excess } = account;
  hold(
    'overrun is booked once',
    row.overrun === excess,
    () => `${key}: ${row.overrun} overrun, not ${excess}`,
  );
  const held = row.unknown + row.lost;
  hold('held only for a cause', held === unknown, () => `${key}: ${held} held, ${unknown} unknown`);
  const rest = unused(row);
  hold(
    'what nobody uses comes back',
    rest === 0n,
    () => `${key} has given all back, and ${rest} are its still`,
  );
}

/** Each pod calls a model of its own here, so that its usage can be told from that of others. */
function checkUsage({ key }: Pod, account: Account, ledger: Ledger): void {
  let metered = 0n;
  for (const { model, spent } of ledger.usage.values()) if (model === key) metered += spent;
  const learned = account.usageLearned;
  hold('usage is told once', metered === learned, () => `${key}: ${metered} metered, ${learned} used`);
}
