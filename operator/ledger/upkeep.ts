/** What is done for ledgers without anybody waiting for it. What fails is tried again, and changes no sum. */
export const upkeeps = [
  'fold',
  'tell_parent',
  'take_parent_answer',
  'look_below',
  'look_for_ledgers',
  'recall_below',
  'delete_page',
  'list_pages',
  'delete_ledger',
] as const;
export type Upkeep = (typeof upkeeps)[number];

/** One piece of upkeep that could not be done now. */
export interface UpkeepFailure {
  upkeep: Upkeep;
  /** Name of the SapAiLedger; `-` where it is about all of them. */
  ledger: string;
  error: unknown;
}
