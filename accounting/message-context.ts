import type { NanoCu } from './amount.ts';
import type { Ledger } from './ledger.ts';

/** Who asks and when: taken from the reviewed token and the operator's clock, never from the message. */
export interface MessageContext {
  key: string;
  name: string;
  nowMs: number;
  leaseSeconds: number;
  /** False: figures are booked, but nothing is granted, and the answer says that nothing could be. */
  mayGrant: boolean;
  /** By when its sender needs the answer (ms), if it was asked by a ledger: what is waited for is given up before. */
  answerByMs?: number;
  /** What others wait for, and is not granted to this one. */
  setAside?: NanoCu;
  /** What the ledger could still get from its parent, for the answer; nothing is granted of it. Absent: 0. */
  parentGrantable?: NanoCu;
}

/** Whether this holder may be granted anything now: its budget allows it, and the period lasts. */
export function mayGrant({ period }: Ledger, context: MessageContext): boolean {
  return context.mayGrant && context.nowMs >= period.startMs && context.nowMs < period.endMs;
}
