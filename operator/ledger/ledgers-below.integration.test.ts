import { describe, expect, test } from 'vitest';
import { formatAmount, parseAmount } from '../../accounting/amount.ts';
import { ledgerKey } from '../../accounting/ledger.ts';
import type { LeaseAnswer } from '../../accounting/messages.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import type { LedgerSnapshot } from './ledger-snapshot.ts';
import { editLedger, holder, need, pathOf, storedLedger } from './test-ledgers.ts';
import type { LedgerSide } from './test-ledgers.ts';
import { LedgerWorld } from './test-world.ts';

const world = LedgerWorld.forFile();
const { signal } = new AbortController();
const root = { namespace: 'platform', name: 'all' };
const chat = { namespace: 'team-a', name: 'chat' };
const code = { namespace: 'team-b', name: 'code' };
type Ref = typeof root;

/** A root of `cap` CU and two budgets below it. */
interface Family {
  side: LedgerSide;
  root: LedgerSnapshot;
  chat: LedgerSnapshot;
  code: LedgerSnapshot;
}

async function family(
  cap: string,
  { chatCap = '100', codeCap = '100', guaranteed = '0' } = {},
): Promise<Family> {
  const side = await world.start({ tellEveryMs: 200 });
  const shares = new Map([['team-a/chat', { guaranteed: parseAmount(guaranteed), weight: 1 }]]);
  const top = await side.ledgers.ensureLedger(need(cap, { budget: root, shares }), { signal });
  const below = (budget: Ref, limit: string): Promise<LedgerSnapshot> =>
    side.ledgers.ensureLedger(need(limit, { budget, parent: { budget: root, uid: top.uid } }), { signal });
  return { side, root: top, chat: await below(chat, chatCap), code: await below(code, codeCap) };
}

/** One pod of a budget; its reports are numbered by themselves. */
class Pod {
  #seq = 0;
  readonly #of: { side: LedgerSide; budget: Ref; uid: string; name: string };
  constructor(side: LedgerSide, { budget, uid }: LedgerSnapshot, name = 'pod') {
    this.#of = { side, budget, uid, name };
  }

  async open(): Promise<this> {
    await this.#send((pod, uid) => pod.open(uid));
    return this;
  }
  report(
    more: { ask?: string; least?: string; spent?: string; returned?: string } = {},
  ): Promise<LeaseAnswer> {
    this.#seq += 1;
    const { returned = '0', ...rest } = more;
    const seq = this.#seq;
    return this.#send((pod, uid) => pod.report(uid, { seq, returned: parseAmount(returned), ...rest }));
  }

  async #send(make: (pod: ReturnType<typeof holder>, uid: string) => Parameters<Book['handle']>[0]) {
    const { side, budget, uid, name } = this.#of;
    const book = await side.ledgers.find(uid, budget, { signal });
    if (book === undefined) throw new Error(`no ledger ${uid}`);
    const pod = holder(`${budget.name}-${name}`);
    return book.handle(make(pod, uid), pod.context(side.clock.nowMs()));
  }
}
type Book = NonNullable<Awaited<ReturnType<LedgerSide['ledgers']['find']>>>;

const sums = async ({ name }: LedgerSnapshot): Promise<string[]> => {
  const { settled, outstanding, held } = (await storedLedger(world, name)).spec;
  return [settled, outstanding, held];
};

async function outstandingIn(ledger: LedgerSnapshot): Promise<bigint> {
  return parseAmount((await sums(ledger))[1] ?? '');
}

/** Waits until the stored ledger has these sums: settled, outstanding, held. */
async function reaches(ledger: LedgerSnapshot, wanted: string[]): Promise<void> {
  let last: string[] = [];
  await eventually(
    async () => {
      last = await sums(ledger);
      return JSON.stringify(last) === JSON.stringify(wanted) ? true : undefined;
    },
    { what: `${ledger.name} at ${wanted.join(' ')}`, timeoutMs: 10_000, intervalMs: 50 },
  ).catch((cause: unknown) => {
    throw new Error(`${ledger.name} is at ${last.join(' ')}, not ${wanted.join(' ')}`, { cause });
  });
}

/** Puts a backup of a child's ledger in the place of its object, and has the operator look at it. */
async function restore(
  side: LedgerSide,
  { metadata: { name, labels }, spec }: Awaited<ReturnType<typeof storedLedger>>,
  parent: LedgerSnapshot,
): Promise<LedgerSnapshot> {
  const path = pathOf(world.namespace, name);
  await world.controlPlane.call({ method: 'DELETE', path });
  const body = {
    apiVersion: 'sapai.eerly.ai/v1alpha1',
    kind: 'SapAiLedger',
    metadata: { name, labels },
    spec,
  };
  await world.controlPlane.call({ method: 'POST', path: path.slice(0, path.lastIndexOf('/')), body });
  // Somebody approves to go on with it, in case it is an old one.
  const recovery = { accepts: () => true, seen: 0n };
  const wanted = need('99', { budget: chat, parent: { budget: root, uid: parent.uid }, recovery });
  // The first look finds that the object it knows is gone.
  return eventually(() => side.ledgers.ensureLedger(wanted, { signal }).catch(() => undefined), {
    what: 'the restored ledger',
    timeoutMs: 10_000,
    intervalMs: 50,
  });
}

describe('a ledger below another one', () => {
  test('grants what its parent has granted first, and tells it what became of that', async () => {
    const { side, ...ledgers } = await family('100');
    const pod = await new Pod(side, ledgers.chat).open();
    expect(await pod.report({ ask: '5' })).toMatchObject({ row: { granted: parseAmount('5') } });
    const { spec } = await storedLedger(world, ledgers.chat.name);
    // More than the one request needed, but no more than half of what was left.
    const { granted = '' } = spec.parent ?? {};
    expect(parseAmount(granted)).toBeGreaterThan(parseAmount('5'));
    expect(parseAmount(granted)).toBeLessThanOrEqual(parseAmount('50'));
    await pod.report({ spent: '2' });
    await reaches(ledgers.chat, ['2', '3', '0']);
    await reaches(ledgers.root, ['2', formatAmount(parseAmount(granted) - parseAmount('2')), '0']);
  });

  test('is noted as failing when it cannot tell its parent, and tells it later', async () => {
    const { side, ...ledgers } = await family('100');
    const pod = await new Pod(side, ledgers.chat).open();
    await pod.report({ ask: '5' });
    const forbidden = { status: 403, body: { kind: 'Status', code: 403, message: 'no' } };
    side.proxy.inject({
      on: `PUT /apis/sapai.eerly.ai/v1alpha1/namespaces/${world.namespace}/sapailedgers/${ledgers.root.name}`,
      answer: forbidden,
    });
    await pod.report({ spent: '2' });
    await eventually(async () => ((await sums(ledgers.root))[0] === '2' ? true : undefined), {
      what: 'the parent to be told',
      timeoutMs: 10_000,
      intervalMs: 50,
    });
    // Those of the other budget may have been in the same write.
    expect(side.failures[0]).toMatchObject({
      upkeep: 'tell_parent',
      error: { reason: 'unavailable', cause: { reason: 'Forbidden' } },
    });
  });

  test('cannot pass its own cap or its parent’s, and says how much there is', async () => {
    const { side, ...ledgers } = await family('10', { chatCap: '6' });
    const pod = await new Pod(side, ledgers.chat).open();
    const six = parseAmount('6');
    expect(await pod.report({ ask: '7' })).toMatchObject({
      row: { granted: 0n },
      ledger: { grantable: six },
    });
    const other = await new Pod(side, ledgers.code).open();
    const ten = parseAmount('10');
    expect(await other.report({ ask: '11' })).toMatchObject({
      row: { granted: 0n },
      ledger: { grantable: ten },
    });
    await other.report({ ask: '8' });
    expect(await pod.report({ ask: '3' })).toMatchObject({
      row: { granted: 0n },
      ledger: { grantable: parseAmount('2') },
    });
    expect(await pod.report({ ask: '2' })).toMatchObject({ row: { granted: parseAmount('2') } });
    expect(await sums(ledgers.root)).toEqual(['0', '10', '0']);
  });

  test('gets its guarantee while another one takes all it can', async () => {
    const { side, ...ledgers } = await family('10', { guaranteed: '4' });
    const noisy = await new Pod(side, ledgers.code).open();
    expect(await noisy.report({ ask: '7' })).toMatchObject({ row: { granted: 0n } });
    expect(await noisy.report({ ask: '6' })).toMatchObject({ row: { granted: parseAmount('6') } });
    expect(await noisy.report({ ask: '1' })).toMatchObject({ row: { granted: parseAmount('6') } });
    const pod = await new Pod(side, ledgers.chat).open();
    expect(await pod.report({ ask: '4' })).toMatchObject({ row: { granted: parseAmount('4') } });
  });

  test('serves many that ask at once, with few messages to its parent', async () => {
    const { side, ...ledgers } = await family('1000', { chatCap: '1000' });
    const pods = await Promise.all(
      Array.from({ length: 20 }, (_, index) => new Pod(side, ledgers.chat, `${index}`).open()),
    );
    const answers = await Promise.all(pods.map((pod) => pod.report({ ask: '10' })));
    const granted = answers.map((answer) => answer.kind === 'reported' && answer.row.granted);
    expect(granted).toEqual(pods.map(() => parseAmount('10')));
    const { spec } = await storedLedger(world, ledgers.chat.name);
    expect(spec.parent?.seq).toBeLessThan(8);
  });

  test('gives back what it does not use when its sibling needs it', async () => {
    const { side, ...ledgers } = await family('10');
    const rich = await new Pod(side, ledgers.chat).open();
    await rich.report({ ask: '1' });
    expect(await outstandingIn(ledgers.root)).toBeGreaterThan(parseAmount('2'));
    const poor = await new Pod(side, ledgers.code).open();
    const granted = async (): Promise<true | undefined> => {
      const answer = await poor.report({ ask: '8' });
      return answer.kind === 'reported' && answer.row.granted === parseAmount('8') ? true : undefined;
    };
    await eventually(granted, { what: 'the sibling to give back', timeoutMs: 10_000, intervalMs: 50 });
    expect(side.recalls).toContainEqual(expect.objectContaining({ budget: chat }));
    await reaches(ledgers.root, ['0', '9', '0']);
  });

  test('gives back what it does not use before a pod of its sibling that waits is answered', async () => {
    const { side, ...ledgers } = await family('10');
    const rich = await new Pod(side, ledgers.chat).open();
    await rich.report({ ask: '1' });
    const poor = await new Pod(side, ledgers.code).open();
    expect(await poor.report({ ask: '8', least: '8' })).toMatchObject({ row: { granted: parseAmount('8') } });
    expect(await poor.report({ ask: '9', least: '9' })).toMatchObject({ row: { granted: parseAmount('8') } });
  });

  test('gives up what it does not use when it waits itself, so that of two that wait one is served', async () => {
    const { side, ...ledgers } = await family('20');
    const pods = [await new Pod(side, ledgers.chat).open(), await new Pod(side, ledgers.code).open()];
    for (const pod of pods) await pod.report({ ask: '1' });
    // More than the parent has left and what either of them has idle, but not more than all that together.
    const answers = await Promise.all(pods.map((pod) => pod.report({ ask: '17', least: '17' })));
    const granted = answers.map((answer) => answer.kind === 'reported' && answer.row.granted);
    expect(new Set(granted)).toEqual(new Set([parseAmount('1'), parseAmount('18')]));
  });

  test('gives back everything once its budget is gone, also by an operator that has never looked at it', async () => {
    const { side, ...ledgers } = await family('100');
    const pod = await new Pod(side, ledgers.chat).open();
    await pod.report({ ask: '5' });
    await side.stop();
    const next = await world.start({ tellEveryMs: 200, expireEveryMs: 200 });
    next.budgetsExist = false;
    await next.ledgers.ensureLedger(need('100', { budget: root }), { signal });
    await reaches(ledgers.root, ['0', '5', '0']);
    next.clock.aheadMs = 3_600_000;
    await reaches(ledgers.root, ['0', '0', '5']);
    expect((await storedLedger(world, ledgers.root.name)).spec.heldRows).toContain('held_in_ledger');
  });

  test('is adopted again with what it has had when its budget is made anew', async () => {
    const { side, ...ledgers } = await family('100');
    const pod = await new Pod(side, ledgers.chat).open();
    await pod.report({ ask: '5' });
    await pod.report({ spent: '4' });
    side.ledgers.retire(chat);
    await reaches(ledgers.root, ['4', '1', '0']);
    const parent = { budget: root, uid: ledgers.root.uid };
    const again = await side.ledgers.ensureLedger(need('5', { budget: chat, parent }), { signal });
    expect(again).toMatchObject({
      uid: ledgers.chat.uid,
      settled: parseAmount('4'),
      outstanding: parseAmount('1'),
    });
    expect(await pod.report({ spent: '4', ask: '1' })).toMatchObject({ row: { granted: parseAmount('5') } });
  });

  test('belongs below one parent for its period', async () => {
    const { side, ...ledgers } = await family('100');
    const elsewhere = { budget: code, uid: ledgers.code.uid };
    const moved = side.ledgers.ensureLedger(need('5', { budget: chat, parent: elsewhere }), { signal });
    await expect(moved).rejects.toMatchObject({ reason: 'other_parent' });
    const alone = side.ledgers.ensureLedger(need('5', { budget: chat }), { signal });
    await expect(alone).rejects.toThrow(/belongs below platform\/all, not below no parent/);
  });

  test('notices that its parent was restored from an old backup, grants nothing more, and books what was spent', async () => {
    const { side, ...ledgers } = await family('2000', { chatCap: '1000' });
    const pod = await new Pod(side, ledgers.chat).open();
    await pod.report({ ask: '5' });
    const { spec } = await storedLedger(world, ledgers.root.name);
    const { rows, outstanding } = spec;
    await pod.report({ ask: '60' });
    const now = await storedLedger(world, ledgers.root.name);
    // What somebody puts in its place, and the operator sees as soon as it writes.
    // Further than what the operator writes by itself meanwhile.
    const seq = now.spec.seq + 100;
    await editLedger(world, { name: ledgers.root.name, spec: { rows, outstanding, seq } });
    const asks = pod.report({ ask: '900', spent: '3' });
    await expect(asks).rejects.toMatchObject({ reason: 'lost' });
    expect((await sums(ledgers.chat))[0]).toBe('3');
  });

  test('goes on after it was restored under a new uid, with what it had of its parent', async () => {
    const { side, ...ledgers } = await family('100');
    const pod = await new Pod(side, ledgers.chat).open();
    await pod.report({ ask: '5' });
    await pod.report({ spent: '2' });
    await eventually(async () => ((await sums(ledgers.root))[0] === '2' ? true : undefined), {
      what: 'the parent to be told',
      timeoutMs: 10_000,
      intervalMs: 50,
    });
    const before = await sums(ledgers.root);
    const restored = await restore(side, await storedLedger(world, ledgers.chat.name), ledgers.root);
    expect(restored.uid).not.toBe(ledgers.chat.uid);
    const next = await new Pod(side, restored, 'next').open();
    expect(await next.report({ ask: '1' })).toMatchObject({ row: { granted: parseAmount('1') } });
    const rows = await eventually(
      async () => {
        const { spec } = await storedLedger(world, ledgers.root.name);
        return spec.rows.includes(ledgerKey(restored.uid)) ? spec.rows : undefined;
      },
      { what: 'the row to be taken over', timeoutMs: 10_000, intervalMs: 50 },
    );
    expect(rows).not.toContain(ledgerKey(ledgers.chat.uid));
    expect(await sums(ledgers.root)).toEqual(before);
  });

  test('that was restored from an old backup is lost until somebody decides, and says so', async () => {
    const { side, ...ledgers } = await family('100');
    const pod = await new Pod(side, ledgers.chat).open();
    await pod.report({ ask: '5' });
    const old = await storedLedger(world, ledgers.chat.name);
    await pod.report({ spent: '2' });
    await eventually(async () => ((await sums(ledgers.root))[0] === '2' ? true : undefined), {
      what: 'the parent to be told',
      timeoutMs: 10_000,
      intervalMs: 50,
    });
    await restore(side, old, ledgers.root);
    const changes = side.changes;
    const problem = await eventually(async () => side.ledgers.current(chat)?.problem, {
      what: 'the problem',
      timeoutMs: 10_000,
      intervalMs: 50,
    });
    expect(problem).toMatchObject({ reason: 'lost', message: expect.stringContaining('restore a newer') });
    expect(side.changes).toBeGreaterThan(changes);
  });

  test('of a third level has its grants from both above it', async () => {
    const { side, ...ledgers } = await family('100', { chatCap: '50' });
    const squad = { namespace: 'team-a', name: 'squad' };
    const parent = { budget: chat, uid: ledgers.chat.uid };
    const third = await side.ledgers.ensureLedger(need('20', { budget: squad, parent }), { signal });
    const pod = await new Pod(side, third).open();
    expect(await pod.report({ ask: '20' })).toMatchObject({ row: { granted: parseAmount('20') } });
    await pod.report({ spent: '20' });
    await reaches(third, ['20', '0', '0']);
    await eventually(async () => ((await sums(ledgers.root))[0] === '20' ? true : undefined), {
      what: 'the root to hear of it',
      timeoutMs: 10_000,
    });
    expect((await storedLedger(world, ledgers.root.name)).spec.rows).toContain(ledgerKey(ledgers.chat.uid));
  });
});

test('two operators that grant from ledgers of one family pass no cap', async () => {
  const { side, ...ledgers } = await family('60');
  const other = await world.start({ tellEveryMs: 200 });
  const top = await other.ledgers.ensureLedger(need('60', { budget: root }), { signal });
  for (const budget of [chat, code])
    await other.ledgers.ensureLedger(need('100', { budget, parent: { budget: root, uid: top.uid } }), {
      signal,
    });
  const pods = await Promise.all(
    [side, other].flatMap((operator, at) =>
      [ledgers.chat, ledgers.code].flatMap((ledger) =>
        [1, 2, 3].map((index) => new Pod(operator, ledger, `${at}-${index}`).open()),
      ),
    ),
  );
  for (let round = 0; round < 3; round += 1) await Promise.all(pods.map((pod) => pod.report({ ask: '3' })));
  const below = (await outstandingIn(ledgers.chat)) + (await outstandingIn(ledgers.code));
  const above = await outstandingIn(ledgers.root);
  expect(below).toBeLessThanOrEqual(above);
  expect(above).toBeLessThanOrEqual(parseAmount('60'));
  expect(below).toBeGreaterThan(parseAmount('30'));
});
