import { z } from 'zod';
import { formatAmount } from './amount.ts';
import type { ConfigurationAnswer, ConfigurationRequest } from './configuration-messages.ts';
import { amount, budgetName, count, schemaVersion, uid } from './message-parts.ts';

/** Why a cost is not known (yet): the same words in journal, ledger, metrics and answers. */
export const unknownReason = z.enum([
  'usage_missing', // SAP answered without usage
  'upstream_error', // SAP answered 500, 502 or 504, or with an error inside the stream
  'connection_lost', // the connection broke after the request was sent
  'read_bound', // the rest of an answer nobody waits for was longer than we read
  'process_killed', // the sidecar ended while the request was under way
  'held_in_ledger', // the holder is a ledger, and holds it: its own rows say of whom and why
]);
export type UnknownReason = z.infer<typeof unknownReason>;

/** Requests of one holder whose cost is unknown for one reason. */
const unknownCost = z.strictObject({
  reason: unknownReason,
  count: count.min(1),
  /** Sum of what they can have cost at most. */
  amount,
  /** When the oldest of them began to be unknown, ms since the epoch by the holder's clock. */
  sinceMs: count,
});
export type UnknownCost = z.infer<typeof unknownCost>;

/** Figures of one holder, cumulative over all its processes, as it knows them. */
const holderFigures = {
  /** What its requests cost, `overrun` included. */
  spent: amount,
  /** The part of `spent` by which single requests passed their reservation. */
  overrun: amount,
  returned: amount,
  /** At most one entry a reason. Not cumulative: what is unknown now. */
  unknown: z.array(unknownCost).max(unknownReason.options.length),
};

/** Most lines of metered usage in one message. */
export const maxUsageLines = 256;
/** Longest names in a line of metered usage; longer ones are cut. */
export const maxUsageModel = 64;
export const maxUsageVersion = 32;

/** What settled requests of one day (UTC), model and version used and cost. */
export const meteredUsage = z.strictObject({
  day: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/),
  model: z
    .string()
    .max(maxUsageModel)
    .regex(/^[!-~]+$/),
  version: z
    .string()
    .max(maxUsageVersion)
    .regex(/^[!-~]+$/),
  /** Tokens that were not read from a cache, that were, and of output. */
  input: count,
  cacheRead: count,
  output: count,
  spent: amount,
});
export type MeteredUsage = z.infer<typeof meteredUsage>;

/** Usage settled since the report before; added once, in the write that books the report. */
const usageLines = z.array(meteredUsage).max(maxUsageLines).optional();

/** How many processes that were followed by another a row remembers, and a journal names. */
export const maxOlderProcessIds = 4;

const processId = z.string().regex(/^[0-9a-f]{16}$/);

const openRequest = z.strictObject({
  schema: z.literal(schemaVersion),
  kind: z.literal('open'),
  budget: budgetName,
  ledgerUid: uid,
  /** Random per process: the same id gets the same incarnation, known older ids are refused. */
  processId,
  /**
   * Those before it that have begun by the journal and were not answered, newest first: their `open` may still arrive,
   * and is refused then.
   */
  olderProcessIds: z.array(processId).max(maxOlderProcessIds).optional(),
  /** Present when the journal is whole: what the process goes on from. Absent: the rest is held. */
  resume: z
    .strictObject({
      incarnation: count.min(1),
      seq: count,
      ...holderFigures,
      /** Of report `seq`, if that was not answered. */
      usage: usageLines,
    })
    .optional(),
});

/** What a holder wants on top of what it holds: `need` or nothing, `want` at most. */
const ask = z.strictObject({
  need: amount,
  want: amount,
  /**
   * A request waits, and a smaller grant than this would not help it. Everything its holder had idle is in `returned`;
   * the answer comes when it is granted, or when a recall round has ended for it.
   */
  least: amount.optional(),
});
export type Ask = z.infer<typeof ask>;

const reportRequest = z.strictObject({
  schema: z.literal(schemaVersion),
  kind: z.literal('report'),
  budget: budgetName,
  ledgerUid: uid,
  incarnation: count.min(1),
  seq: count.min(1),
  ...holderFigures,
  usage: usageLines,
  ask: ask.optional(),
  /** The recall round that this report answers: what was idle when it was asked is in `returned`. */
  recall: count.optional(),
});

export const leaseRequest = z.discriminatedUnion('kind', [openRequest, reportRequest]);
export type OpenRequest = z.infer<typeof openRequest>;
export type ReportRequest = z.infer<typeof reportRequest>;
export type LeaseRequest = z.infer<typeof leaseRequest>;

/** The ledger's sums (nano-CU) at the time of an answer: what a denial is explained with. */
const ledgerFigures = z.strictObject({
  cap: amount,
  settled: amount,
  outstanding: amount,
  held: amount,
  /** The largest amount this holder could still be granted. */
  grantable: amount,
  /** What is set aside for budgets below, and not for this holder. */
  guaranteedToOthers: amount,
  /** What requests of others wait for that came earlier. */
  waitedFor: amount,
  /** The budget above (`<namespace>/<name>`), and the most it could still add; absent: there is none. */
  parent: z.strictObject({ budget: z.string().max(127), grantable: amount }).optional(),
  /** Whether the cap is enforced; otherwise it is only compared with. */
  enforced: z.boolean(),
  seq: count,
});
export type LedgerFigures = z.infer<typeof ledgerFigures>;

/** The row as the ledger has it; `lost` is what earlier processes of the holder left unexplained. */
const rowFigures = z.strictObject({
  granted: amount,
  spent: amount,
  overrun: amount,
  unknown: amount,
  lost: amount,
  returned: amount,
  released: amount,
});
export type RowFigures = z.infer<typeof rowFigures>;

/** The recall round whose end this answer tells: what a refusal for lack of budget is based on. */
const recallRound = z.strictObject({
  number: count,
  beganMsAgo: count,
  /** How many holders were asked, and how many of them did not answer in time. */
  asked: count,
  silent: count,
  /** What those who were asked gave back. */
  returned: amount,
});
export type RecallRound = z.infer<typeof recallRound>;

const leaseAnswerFields = {
  schema: z.literal(schemaVersion),
  incarnation: z.int().min(1),
  seq: count,
  row: rowFigures,
  /** Remaining life of the lease, counted from the moment the request was SENT. */
  remainingSeconds: count,
  ledger: ledgerFigures,
};

export const leaseRefusalReason = z.enum([
  'ledger_unknown', // no such ledger, or not this budget's: poll the configuration
  'ledger_closed', // the period is over and accounted for
  'process_superseded', // a newer process of this pod holds the lease
  'row_unknown', // a report before `open`
  'sequence_gap', // a number that does not follow the last one: open again
  'report_backwards', // cumulative figures below what was reported before
  'figures_too_large', // figures that no ledger has room for
  'row_released', // evidence has decided about this row: figures were booked, open again to go on
]);
export type LeaseRefusalReason = z.infer<typeof leaseRefusalReason>;

export const leaseAnswer = z.discriminatedUnion('kind', [
  z.strictObject({
    ...leaseAnswerFields,
    kind: z.literal('opened'),
    /** Whether the process may go on with what its journal says; otherwise it starts from `row`. */
    resumed: z.boolean(),
  }),
  z.strictObject({ ...leaseAnswerFields, kind: z.literal('reported'), round: recallRound.optional() }),
  z.strictObject({
    schema: z.literal(schemaVersion),
    kind: z.literal('refused'),
    reason: leaseRefusalReason,
    message: z.string().max(1024),
  }),
]);
export type LeaseAnswer = z.infer<typeof leaseAnswer>;

export const tokenRequest = z.strictObject({
  schema: z.literal(schemaVersion),
  budget: budgetName,
  ledgerUid: uid,
  incarnation: z.int().min(1),
});
export type TokenRequest = z.infer<typeof tokenRequest>;

export const tokenAnswer = z.strictObject({
  schema: z.literal(schemaVersion),
  accessToken: z.string().min(1).max(16_384),
  expiresInSeconds: count,
});
export type TokenAnswer = z.infer<typeof tokenAnswer>;

/** Error body of every operator endpoint that is not a lease refusal. */
export const endpointError = z.strictObject({
  error: z.strictObject({ reason: z.string().max(64), message: z.string().max(1024) }),
});

/** Writes a message as JSON, amounts as decimal CU. */
export function encodeMessage(
  message:
    | LeaseRequest
    | LeaseAnswer
    | TokenRequest
    | TokenAnswer
    | ConfigurationRequest
    | ConfigurationAnswer,
): string {
  return JSON.stringify(message, (_key, value: unknown) =>
    typeof value === 'bigint' ? formatAmount(value) : value,
  );
}
