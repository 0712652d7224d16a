import type { PlantedFault } from './faults.ts';

const parentLease = 'accounting/parent-lease.ts';
const shares = 'accounting/ledger-shares.ts';
const parentSide = 'operator/ledger/parent-side.ts';

/** Between a ledger and the one above it. */
export const treeFaults: readonly PlantedFault[] = [
  {
    name: 'a ledger takes what it asks for before the one above has stored it',
    file: parentSide,
    text: '    const answer = await this.#handled(book, (ledger) => reportToParent(ledger, ask), answerByMs);',
    instead: `    if (ask) await this.#options.writer.submit((ledger) => {
      if (ledger.parent) ledger.parent = { ...ledger.parent, granted: ledger.parent.granted + ask.need };
      ledger.seq += 1;
      return { result: undefined };
    });
    const answer = await this.#handled(book, (ledger) => reportToParent(ledger, ask), answerByMs);`,
  },
  {
    name: 'the ledger above is told of a return before it is stored below',
    file: parentLease,
    text: '    returned: parent.returned,\n    unknown:',
    instead: '    returned: parent.returned + (ask ? 0n : greater(0n, parentIdle(ledger))),\n    unknown:',
  },
  {
    name: 'rows of ledgers go by the name of the budget',
    file: parentSide,
    text: 'return ledgerKey(this.#options.writer.stored.uid);',
    instead: 'return ledgerKey(budgetKey(this.#options.writer.stored.ledger.budget));',
  },
  {
    name: 'what is guaranteed to others is not set aside',
    file: shares,
    text: "if (share.key === '' || share.key !== key) sum += undrawn(ledger, share);",
    instead: 'sum += 0n;',
  },
  {
    name: 'every namespace weighs the same',
    file: shares,
    text: 'weights.get(namespace) ?? usualWeight;',
    instead: 'usualWeight;',
  },
  {
    name: 'a recall does not go down to the holders of a ledger below',
    file: 'operator/ledger/ledger-account.ts',
    text: 'const asked = this.#rounds.recallAll();',
    instead: 'const asked = Promise.resolve();',
  },
  {
    name: 'a ledger sends two messages under one number',
    file: parentSide,
    text: 'await this.#takeTurn(() => this.#tellNow());',
    instead: 'await this.#tellNow();',
  },
  {
    name: 'what a ledger gives back is not taken back above',
    file: 'accounting/ledger-transitions.ts',
    text: 'if (creditReturns) row.returned +=',
    instead: 'if (creditReturns && !isLedgerKey(row.key)) row.returned +=',
  },
];
