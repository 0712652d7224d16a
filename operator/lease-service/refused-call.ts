import type { ObjectEvent, RecordEvent } from '../budget/services.ts';
import type { KubeObject } from '../kube/resource.ts';
import { type EndpointErrorReason, adviceFor } from './errors.ts';
import type { PodIdentity } from './pod-directory.ts';

/** A call of a pod that is known by its token, and why it was refused. */
export interface RefusedCall {
  pod: PodIdentity;
  /** `ledger_unknown`: a report to a ledger that is not there, which gets an answer. */
  reason: EndpointErrorReason | 'ledger_unknown';
}

/** Refusals that people should know of: no sidecar of ours, whose pod is as it should be, makes such a call. */
const reasons: Partial<Record<RefusedCall['reason'], string>> = {
  malformed: 'Malformed',
  body_too_large: 'BodyTooLarge',
  budget_not_allowed: 'BudgetNotAllowed',
  ledger_of_other_budget: 'LedgerOfOtherBudget',
  ledger_unknown: 'LedgerUnknown',
  pod_gone: 'PodGone',
  pod_finished: 'PodFinished',
};

const ledgerUnknown =
  'it reports to a SapAiLedger that is not there: one of a period that was closed long ago, or that somebody deleted; restore it from a backup if what the pod has spent is to be booked';

/** What such a refusal says on its pod; undefined for those that pass by themselves. Nothing of the call is repeated. */
export function refusedCallEvent({ reason }: RefusedCall): ObjectEvent | undefined {
  const word = reasons[reason];
  if (word === undefined) return undefined;
  const note = `A call with the token of this pod was refused, and nothing of it was booked: ${reason === 'ledger_unknown' ? ledgerUnknown : adviceFor(reason)}.`;
  return { type: 'Warning', reason: word, action: 'ServeSidecar', note };
}

/** Tells of such a refusal on the pod; the recorder makes one event of what repeats. */
export function recordRefusedCall(call: RefusedCall, { recordEvent }: { recordEvent: RecordEvent }): void {
  const event = refusedCallEvent(call);
  if (event) recordEvent(podOf(call), event);
}

function podOf({ pod: { namespace, name, uid } }: RefusedCall): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name, uid } };
}
