import type { Lease, LeaseRecord, SentRecord } from './lease.ts';
import { schemaVersion } from './message-parts.ts';
import type { Ask, LeaseAnswer, OpenRequest, ReportRequest } from './messages.ts';
import { sortedUsage } from './metered-usage.ts';
import { unknownByReason } from './unknown-costs.ts';

/**
 * The message a process begins with, once that it begins is in its journal. `lease` is what that says; undefined: there is
 * none to go on from.
 */
export function openRequest(
  identity: { budget: string; ledgerUid: string; processId: string },
  lease: Lease | undefined,
): OpenRequest {
  const older = (lease?.begun ?? []).filter((id) => id !== identity.processId);
  const request: OpenRequest = {
    schema: schemaVersion,
    kind: 'open',
    ...identity,
    ...(older.length > 0 && { olderProcessIds: older }),
  };
  if (!lease || lease.incarnation === 0) return request;
  const { incarnation, seq, inFlight } = lease;
  const usage = inFlight?.usage && { usage: inFlight.usage };
  return { ...request, resume: { incarnation, seq, ...figures(lease), ...usage } };
}

/**
 * The next report's record: to be journaled before `reportRequest` of it is sent. With `recall` it answers that round,
 * so what is idle was returned before.
 */
export function sentRecord(lease: Lease, ask?: Ask, recall?: number): SentRecord {
  const usage = lease.usage.size > 0 && { usage: sortedUsage(lease.usage.values()) };
  return {
    type: 'sent',
    seq: lease.seq + 1,
    ...figures(lease),
    ...usage,
    ...(ask && { ask }),
    ...(recall !== undefined && { recall }),
  };
}

/** The report in flight as a message: the same each time it is repeated. */
export function reportRequest(lease: Lease, record: SentRecord): ReportRequest {
  const { type: _, usage, ask, recall, ...rest } = record;
  const { budget, ledgerUid, incarnation } = lease;
  return {
    schema: schemaVersion,
    kind: 'report',
    budget,
    ledgerUid,
    incarnation,
    ...rest,
    ...(usage && { usage }),
    ...(ask && { ask }),
    ...(recall !== undefined && { recall }),
  };
}

/** The record an answer makes, or undefined for any answer but the awaited one. */
export function answerRecord(lease: Lease, answer: LeaseAnswer): LeaseRecord | undefined {
  if (answer.kind !== 'reported' || answer.incarnation !== lease.incarnation) return undefined;
  if (lease.inFlight?.seq !== answer.seq) return undefined;
  return { type: 'answered', seq: answer.seq, row: answer.row };
}

function figures(lease: Lease) {
  const { spent, overrun, returned } = lease;
  return { spent, overrun, returned, unknown: unknownByReason(lease) };
}
