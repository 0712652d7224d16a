/** Whether this replica is the elected leader: the one that reconciles. */
export interface Leadership {
  /** True only while no other replica can have been elected. Ask right before each write: time passes in between. */
  leads(): boolean;
  /** Counts the times this process was elected; 0: never. What was remembered in an earlier term may be outdated. */
  readonly term: number;
}

/** A write that is the leader's alone was about to be sent, and this replica does not lead (any more). */
export class NotLeadingError extends Error {
  override readonly name = 'NotLeadingError';
  readonly reason = 'not_leading';

  constructor() {
    super('this replica is not the leader: nothing was written, the leader does it');
  }
}

/** Throws a NotLeadingError unless this replica leads. */
export function requireLeadership({ leads }: Pick<Leadership, 'leads'>): void {
  if (!leads()) throw new NotLeadingError();
}
