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
    name: 'grants by the greatest cap it has ever read',
    file: 'accounting/ledger.ts',
    text: 'return ledger.cap - settled - outstanding - held;',
    instead: `const seen: { cap?: bigint } = globalThis;
  if (seen.cap === undefined || seen.cap < ledger.cap) seen.cap = ledger.cap;
  return seen.cap - settled - outstanding - held;`,
  },
  {
    name: 'what is returned is credited with every report',
    file: transitions,
    text: 'row.returned += min(max(0n, figures.returned - row.returned), unused(row));',
    instead: 'row.returned += min(figures.returned, unused(row));',
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
    text: 'if (request.incarnation < before.incarnation)\n    return',
    instead: 'if (request.incarnation < 0)\n    return',
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
    name: 'a late open that its successor names takes the lease over',
    file: transitions,
    text: 'const ids = new Set([...olderProcessIds, row.processId,',
    instead: 'const ids = new Set([row.processId,',
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
    name: 'any answer is taken for the awaited one',
    file: 'accounting/lease-messages.ts',
    text: 'if (lease.inFlight?.seq !== answer.seq) return undefined;',
    instead: '',
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
    name: 'an answer leaves before it is stored',
    file: 'operator/ledger/ledger-change.ts',
    text: 'return { events, mustBeStored, accept: () => resolve(result) };',
    instead: 'resolve(result);\n    return { events, mustBeStored, accept: () => undefined };',
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
    name: 'who waits keeps what it has idle',
    file: 'test/simulation/pod-steps.ts',
    text: 'if (waits) holder.giveBack(idle(holder.lease));',
    instead: '',
  },
  {
    name: 'a round asks only some of those who could help',
    file: 'accounting/recall-steps.ts',
    text: 'const keys = [...reliable.slice(0, round.batch), ...doubtful].map(({ key }) => key);',
    instead: 'const keys = round.batch > 8 ? [] : reliable.slice(0, 1).map(({ key }) => key);',
  },
  {
    name: 'who is asked has no time to answer',
    file: 'accounting/recall.ts',
    text: 'export const silentAfterMs = 400;',
    instead: 'export const silentAfterMs = 0;',
  },
  {
    name: 'an old round counts for those who come later',
    file: 'accounting/recall.ts',
    text: 'export const roundCountsMs = 1000;',
    instead: 'export const roundCountsMs = 10_000;',
  },
  {
    name: 'a message that came twice waits to be granted again',
    file: 'operator/ledger/message-desk.ts',
    text: 'const isNews = before !== undefined && row !== undefined && row.seq > before.seq;',
    instead: 'const isNews = before !== undefined && row !== undefined;',
  },
];

/** What the product counts on: where a sidecar keeps its journal, that it runs alone, and what an API server promises. */
const surroundingFaults: readonly PlantedFault[] = [
  {
    name: 'the journal is on a disk that was not synced',
    file: 'test/simulation/journal-medium.ts',
    text: 'if (!this.isEmpty) this.#lost = this.#lines;\n    this.clear();',
    instead: 'this.#lines.length = Math.max(0, this.#lines.length - 2);',
  },
  {
    name: 'two processes go on from one journal',
    file: 'test/simulation/pod-life-steps.ts',
    text: 'if (pod.gone || pod.processes.length > 0) return false;',
    instead: 'if (pod.gone || pod.processes.length > 1) return false;',
  },
  {
    name: 'a write overwrites what others have stored',
    file: 'test/simulation/api-server.ts',
    text: 'if (resourceVersion !== latest.object.metadata.resourceVersion)',
    instead: 'if (resourceVersion === undefined)',
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
  ...surroundingFaults,
];
