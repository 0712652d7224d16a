/** Which promise did not hold. */
export type Rule =
  | 'grant within the cap' // P1, at each grant
  | 'spend within the charge' // what a pod has spent and may spend is charged to its row
  | 'spend within the cap' // SAP's books against the greatest cap there was
  | 'parts add up' // conservation
  | 'what is below is charged above'
  | 'guarantees are kept'
  | 'shares go by weight'
  | 'all levels agree'
  | 'figures only grow'
  | 'held is explained' // owner, age, reason and a way back
  | 'only the newest process is granted'
  | 'same message, same answer'
  | 'no grant after going back' // A4's detector
  | 'no refusal while there is enough' // P2, as far as one ledger can say
  | 'who keeps the rules is not refused'
  | 'overrun is booked once'
  | 'all is booked in the end'
  | 'held only for a cause'
  | 'what nobody uses comes back' // P2, as liveness
  | 'usage is told once'
  | 'no unexpected error';

/** A rule that a history has broken. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly rule: Rule;

  constructor(rule: Rule, message: string, options?: ErrorOptions) {
    super(`${rule}: ${message}`, options);
    this.rule = rule;
  }
}

/** Throws a Violation where the condition does not hold; the message is only made then. */
export function hold(rule: Rule, condition: boolean, message: () => string): void {
  if (!condition) throw new Violation(rule, message());
}
