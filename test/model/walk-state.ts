import { z } from 'zod';

/** What replaying needs of a state of Walk.tla; names and meanings are those of the model. */

const count = z.int().min(0);
const byCost = z.object({ 0: count, 1: count, 2: count });

const row = z.object({
  state: z.enum(['none', 'open', 'expired', 'released']),
  pid: count,
  inc: count,
  wholeSince: count,
  seq: count,
  granted: count,
  spent: count,
  overrun: count,
  unknown: count,
  lost: count,
  returned: count,
  released: count,
  token: z.boolean(),
});
/** A row of the ledger. */
export type ModelRow = z.infer<typeof row>;

const lease = z.object({
  inc: count,
  seq: count,
  granted: count,
  lost: count,
  released: count,
  spent: count,
  overrun: count,
  returned: count,
  unsent: count,
  sent: byCost,
  unk: byCost,
  waiting: z.boolean(),
});
/** What a process knows. */
export type ModelLease = z.infer<typeof lease>;

const message = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('open'), h: z.string(), pid: count }),
  z.object({ kind: z.literal('report'), h: z.string(), inc: count, seq: count }),
]);
/** A message of a holder, by what makes it unique. */
export type ModelMessage = z.infer<typeof message>;

const answer = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('opened'),
    h: z.string(),
    pid: count,
    inc: count,
    seq: count,
    resumed: z.boolean(),
    granted: count,
    lost: count,
    released: count,
  }),
  z.object({
    kind: z.literal('reported'),
    h: z.string(),
    inc: count,
    seq: count,
    granted: count,
    lost: count,
    released: count,
  }),
]);
/** An answer of the operator. */
export type ModelAnswer = z.infer<typeof answer>;

const requestCost = z.union([z.literal(0), z.literal(1), z.literal(2)]);
const ofHolder = z.enum(['start', 'loseJournal', 'copyJournal', 'restoreJournal', 'expire', 'tokenEnds']);
const ofProcess = z.enum(['reserve', 'cancel', 'stop', 'token']);
const ofRequest = z.enum(['send', 'settle', 'unknown', 'resolve']);

/** A step as Walk.tla names it, with names for what it is about. */
const step = z.union([
  z.tuple([z.literal('init')]).transform(() => ({ about: 'nothing' }) as const),
  z.tuple([z.literal('setCap'), count]).transform(([, cap]) => ({ about: 'cap', cap }) as const),
  z
    .tuple([z.literal('handle'), message, count])
    .transform(([, handled, granted]) => ({ about: 'message', message: handled, granted }) as const),
  z
    .tuple([z.literal('take'), z.string(), count, answer])
    .transform(([, h, pid, taken]) => ({ about: 'answer', h, pid, answer: taken }) as const),
  z
    .tuple([z.literal('report'), z.string(), count, count])
    .transform(([, h, pid, give]) => ({ about: 'report', h, pid, give: BigInt(give) }) as const),
  z
    .tuple([z.literal('release'), z.string(), count])
    .transform(([, h, spent]) => ({ about: 'release', h, spent: BigInt(spent) }) as const),
  z
    .tuple([ofRequest, z.string(), count, requestCost])
    .transform(([name, h, pid, cost]) => ({ about: 'request', name, h, pid, cost }) as const),
  z
    .tuple([ofProcess, z.string(), count])
    .transform(([name, h, pid]) => ({ about: 'process', name, h, pid }) as const),
  z.tuple([ofHolder, z.string()]).transform(([name, h]) => ({ about: 'holder', name, h }) as const),
]);
/** What led to a state. */
export type ModelStep = z.infer<typeof step>;

/** One state of a walk. */
export const walkState = z.object({
  step,
  cap: count,
  rows: z.record(z.string(), row),
  procs: z.record(z.string(), z.array(z.object({ up: z.boolean(), opened: z.boolean(), lease }))),
});
/** One state of a walk. */
export type WalkState = z.infer<typeof walkState>;
