import { group } from '../../crds/custom-resource.ts';
import { type NanoCu, parseQuantity } from '../../accounting/amount.ts';

/** What a person decides where nothing else can: `<row key>@<seq> held=<quantity> spent=<quantity>`. */
export const releaseAnnotation = `${group}/release`;
/** Which ledger is to be gone on from although changes of it were lost: `<name>@<seq>`. */
export const acceptLedgerAnnotation = `${group}/accept-ledger`;
/** User name of who decided: an admission policy sees to it that it is their own, and that they may. */
export const approvedByAnnotation = `${group}/approved-by`;

/** A person's word on what the held amount of one holder cost. Amounts are nano-CU. */
export interface Approval {
  readonly key: string;
  /** Of the row when it was looked at. */
  readonly seq: number;
  readonly held: NanoCu;
  readonly spent: NanoCu;
  readonly approvedBy: string;
}

const releaseForm = /^(\S{1,256})@(\d{1,15}) held=(\S{1,32}) spent=(\S{1,32})$/;

/** What the annotations say was released; undefined where nothing is, or a text that says what is wrong with it. */
export function readRelease(
  annotations: Readonly<Record<string, string>> = {},
): Approval | string | undefined {
  const text = annotations[releaseAnnotation];
  if (text === undefined) return undefined;
  const approvedBy = annotations[approvedByAnnotation];
  if (!approvedBy) return `the annotation ${approvedByAnnotation} must name who approves`;
  const [, key = '', seq = '', held = '', spent = ''] = releaseForm.exec(text) ?? [];
  try {
    return { key, seq: Number(seq), held: parseQuantity(held), spent: parseQuantity(spent), approvedBy };
  } catch {
    return `the annotation ${releaseAnnotation} must read "<key>@<seq> held=<CU> spent=<CU>", as rows and heldRows of the SapAiLedger have them`;
  }
}

/** Whether a person has said that this ledger is to be gone on from at this change. */
export function isAccepted(
  annotations: Readonly<Record<string, string>> = {},
  ledger: { name: string; seq: number },
): boolean {
  const approvedBy = annotations[approvedByAnnotation];
  return Boolean(approvedBy) && annotations[acceptLedgerAnnotation] === acceptance(ledger);
}

/** What the annotation has to say for that. */
export function acceptance({ name, seq }: { name: string; seq: number }): string {
  return `${name}@${seq}`;
}
