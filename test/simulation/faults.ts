import type { Mutation } from './mutate.ts';
import { pageFaults } from './page-faults.ts';
import { treeFaults } from './tree-faults.ts';

/** A rule of the protocol, taken out of the product: the simulation must notice. */
export interface PlantedFault extends Mutation {
  /** What is wrong with the product then. */
  readonly name: string;
}

const transitions = 'accounting/ledger-transitions.ts';
const lease = 'accounting/lease.ts';
const writer = 'operator/ledger/ledger-writer.ts';

/** What a ledger does with messages, cap and time. */
const ledgerFaults: readonly PlantedFault[] = [
  {
    name: 'grants what is not left',
    file: transitions,
    text: 'if (ask.need <= 0n || left < ask.need) return 0n;',
    instead: 'if (ask.need <= 0n) return 0n;',
  },
  {
    name: 'a repeated ask is granted again',
    file: transitions,
    text: 'if (request.seq <= before.seq)',
    instead: 'if (request.seq < before.seq)',
  },
  {
    name: 'a process that was followed by another is served',
    file: transitions,
    text: "if (request.incarnation < before.incarnation) return refuse('process_superseded', context);",
    instead: '',
  },
  {
    name: 'a late open of a former process takes the lease over',
    file: transitions,
    text: "if (known?.olderProcessIds.includes(request.processId)) return refuse('process_superseded', context);",
    instead: '',
  },
  {
    name: 'a journal behind the last report is gone on from',
    file: transitions,
    text: 'return resume.seq >= row.seq && !goesBackwards(row, resume);',
    instead: 'return true;',
  },
  {
    name: 'a journal that turns up after a loss is gone on from',
    file: transitions,
    text: 'if (resume.incarnation > row.incarnation || resume.incarnation < row.wholeSince) return false;',
    instead: '',
  },
  {
    name: 'what a lost journal had is not held',
    file: transitions,
    text: 'if (!resumed) events.push(...loseRest(r, context.nowMs));',
    instead: '',
  },
  {
    name: 'an expired lease is free again',
    file: transitions,
    text: "changeRow(ledger, row, (r) => (r.state = 'expired'));",
    instead: 'changeRow(ledger, row, (r) => (r.returned += amount));',
  },
  {
    name: 'a silent holder keeps its lease for ever',
    file: transitions,
    text: "if (row.state !== 'open' || row.expires * 1000 >= nowMs || isLedgerKey(row.key)) continue;",
    instead: 'continue;',
  },
  {
    name: 'a holder that comes back stays expired',
    file: transitions,
    text: "    if (r.state === 'expired') {",
    instead: '    if (false) {',
  },
  {
    name: 'requests of unknown cost cost nothing',
    file: transitions,
    text: 'row.unknown = max(0n, total - row.spent);',
    instead: 'row.unknown = 0n;',
  },
  {
    name: 'a cost beyond a reservation is not booked',
    file: transitions,
    text: 'row.spent = max(row.spent, figures.spent);',
    instead: 'row.spent = max(row.spent, figures.spent - figures.overrun);',
  },
  {
    name: 'what a request cost beyond its reservation is not told apart',
    file: transitions,
    text: 'row.overrun = max(before, declared);',
    instead: '',
  },
  {
    name: 'what passes a grant is not booked as overrun',
    file: transitions,
    text: 'row.overrun += max(0n, beyondGrant(row));',
    instead: '',
  },
  {
    name: 'usage of a report that was not booked is told twice',
    file: transitions,
    text: '  row.seq = resume.seq;',
    instead: '',
  },
];

/** Evidence, tokens and rows that go. */
const releaseFaults: readonly PlantedFault[] = [
  {
    name: 'a release forgets what was spent',
    file: transitions,
    text: 'r.spent += release.spent;',
    instead: 'r.released += release.spent;',
  },
  {
    name: 'a release does not wait for the last token to end',
    file: 'accounting/ledger-release.ts',
    text: 'if (fencedUntilMs > nowMs)',
    instead: 'if (fencedUntilMs > nowMs && false)',
  },
  {
    name: 'when a token ends is not noted before it leaves',
    file: transitions,
    text: 'if (row.tokenExpires < holder.expires) changeRow(',
    instead: 'if (false) changeRow(',
  },
  {
    name: 'a released lease gets a token',
    file: transitions,
    text: " || row.state === 'released') return false;\n  if (row.tokenExpires",
    instead: ') return false;\n  if (row.tokenExpires',
  },
  {
    name: 'a late report does not take its release back',
    file: transitions,
    text: 'row.released -= revoked;',
    instead: '',
  },
  {
    name: 'a row with something held is folded',
    file: 'accounting/ledger-fold.ts',
    text: 'unused(row) > 0n || row.unknown > 0n || row.lost > 0n) return false;',
    instead: 'false) return false;',
  },
  {
    name: 'a folded row takes its spending with it',
    file: 'accounting/ledger-fold.ts',
    text: 'fold.spent += spent;',
    instead: '',
  },
  {
    name: 'an expired lease is held without a line that says so',
    file: 'accounting/entries-text.ts',
    text: "const rest = row.state === 'open' ? 0n : unused(row);",
    instead: 'const rest = 0n;',
  },
  {
    name: 'the end of a token is not read back',
    file: 'accounting/entries-text.ts',
    text: 'tokenExpires: wholeNumber(field(12)),',
    instead: 'tokenExpires: 0,',
  },
];

/** The sidecar's half. */
const holderFaults: readonly PlantedFault[] = [
  {
    name: 'what is returned is still spent',
    file: lease,
    text: 'lease.unknown + lease.lost + lease.returned + lease.released;',
    instead: 'lease.unknown + lease.lost + lease.released;',
  },
  {
    name: 'what is reserved counts as idle',
    file: lease,
    text: 'const rest = lease.granted - used - lease.reserved;',
    instead: 'const rest = lease.granted - used;',
  },
  {
    name: 'requests under way at a crash cost nothing',
    file: lease,
    text: "    type: 'unknown',\n    id,\n    reason: 'process_killed',\n    atMs,",
    instead: "    type: 'settle',\n    id,\n    spent: 0n,",
  },
  {
    name: 'a cost beyond a reservation is clamped',
    file: lease,
    text: '  lease.spent += spent;',
    instead: '  lease.spent += spent > allowed ? allowed : spent;',
  },
  {
    name: 'usage is told again with every report',
    file: lease,
    text: 'for (const line of record.usage ?? []) lease.usage.delete(usageKey(line));',
    instead: '',
  },
  {
    name: 'damage of a journal goes unnoticed',
    file: 'sidecar/lease/record-line.ts',
    text: "if (json.length !== Number(length) || crc32(json) !== Number.parseInt(crc ?? '', 16))",
    instead: 'if (false)',
  },
  {
    name: 'a torn last line is taken for damage',
    file: 'sidecar/lease/journal.ts',
    text: "return { state: 'whole', lease, tornBytes: content.length - start };",
    instead:
      "if (content.length > start) throw new Error('torn');\n  return { state: 'whole', lease, tornBytes: 0 };",
  },
];

/** How an operator writes. */
const writerFaults: readonly PlantedFault[] = [
  {
    name: 'a write without an answer counts as done',
    file: writer,
    text: "return outcome === 'unclear' && this.#isStored(text);",
    instead: "return outcome === 'unclear';",
  },
  {
    name: 'a ledger that went back is gone on from',
    file: writer,
    text: 'if (found.ledger.seq < ledger.seq)',
    instead: 'if (false)',
  },
  {
    name: 'refusals come from memory, not from what is stored',
    file: writer,
    text: 'certain || !applied.some(({ mustBeStored }) => mustBeStored)',
    instead: 'certain || applied.length >= 0',
  },
];

/** What comes before a refusal. */
const recallFaults: readonly PlantedFault[] = [
  {
    name: 'a request is refused before others were asked',
    file: 'sidecar/lease/next-move.ts',
    text: 'if (!standing.recalled) return waitFor(wish.amount, wish);',
    instead: '',
  },
  {
    name: 'a round asks only some of those who could help',
    file: 'accounting/recall.ts',
    text: 'const keys = [...reliable.slice(0, round.batch), ...doubtful].map(({ key }) => key);',
    instead: 'const keys = round.batch > 8 ? [] : reliable.slice(0, 1).map(({ key }) => key);',
  },
];

/** Everything that is planted, one at a time. */
export const plantedFaults: readonly PlantedFault[] = [
  ...ledgerFaults,
  ...releaseFaults,
  ...holderFaults,
  ...writerFaults,
  ...recallFaults,
  ...treeFaults,
  ...pageFaults,
];
