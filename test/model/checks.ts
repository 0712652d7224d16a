/** What the environment may do to the protocol; the names of `Faults` in Protocol.tla. */
export type Fault =
  | 'stop'
  | 'late_open'
  | 'lose_journal'
  | 'old_journal'
  | 'lose_cost'
  | 'expire'
  | 'release'
  | 'wrong_evidence'
  | 'cap'
  | 'replicas'
  | 'calm';

/** How large a model is. */
export interface Sizes {
  holders: number;
  firstCap: number;
  /** What the cap may be set to. */
  caps: readonly number[];
  grantSizes: readonly number[];
  /** What a request can cost, where each reserves 1. */
  requestCosts: readonly (0 | 1 | 2)[];
  /** Of each holder. */
  starts: number;
  reports: number;
  requests: number;
  /** Of the ledger. */
  capChanges: number;
}

/** A model that is searched to its end. */
export interface Check {
  name: string;
  faults: readonly Fault[];
  sizes: Partial<Sizes>;
  /** Whether it must be seen that everything comes to rest once nothing new goes wrong. */
  comesToRest?: boolean;
}

/** A model with one rule switched off, in which something must go wrong. */
export interface BrokenRule extends Check {
  /** As `Rule(…)` has it in the model. */
  rule: string;
  violates: Property;
}

/** What must hold, as Protocol.tla names it. */
export type Property =
  | 'PartsAddUp'
  | 'RowsCover'
  | 'CapHolds'
  | 'GrantsFit'
  | 'GrantsOnce'
  | 'ReportsBooked'
  | 'BooksRight'
  | 'ComesToRest';

export const defaultSizes: Sizes = {
  holders: 1,
  firstCap: 2,
  caps: [],
  grantSizes: [1, 2],
  requestCosts: [0, 1],
  starts: 2,
  reports: 3,
  requests: 2,
  capChanges: 0,
};

/** All of these must hold. */
export const checks: readonly Check[] = [
  {
    name: 'one pod: stopped, journal lost or behind, costs unknown, leases expired',
    faults: ['stop', 'late_open', 'lose_journal', 'old_journal', 'lose_cost', 'expire'],
    sizes: { reports: 2 },
  },
  {
    name: 'one pod: what it held is released on evidence',
    faults: ['stop', 'late_open', 'lose_journal', 'expire', 'release'],
    sizes: { reports: 2, requests: 1 },
  },
  {
    name: 'one pod: requests pass their bounds, evidence is wrong',
    faults: ['stop', 'late_open', 'expire', 'release', 'wrong_evidence'],
    sizes: { requestCosts: [0, 2], reports: 2, requests: 1 },
  },
  {
    name: 'two pods: one cap, lowered and raised, leases expired',
    faults: ['cap', 'expire'],
    sizes: { holders: 2, caps: [1, 3], capChanges: 1, requests: 1, starts: 1, reports: 2 },
  },
  {
    name: 'two pods: stopped and started again, journals lost',
    faults: ['stop', 'late_open', 'lose_journal'],
    sizes: { holders: 2, grantSizes: [1], requests: 1, starts: 2, reports: 1 },
  },
  {
    name: 'three pods: one cap',
    faults: [],
    sizes: { holders: 3, grantSizes: [1], requests: 1, starts: 1, reports: 2 },
  },
  {
    name: 'two replicas: one of them with an old memory',
    faults: ['replicas', 'cap', 'stop', 'late_open'],
    sizes: { holders: 1, caps: [1], capChanges: 1, reports: 2, requests: 1 },
  },
  {
    name: 'one pod: all comes to rest, and the books are right',
    faults: ['stop', 'late_open', 'lose_journal', 'lose_cost', 'expire', 'calm'],
    sizes: { reports: 2, requests: 1 },
    comesToRest: true,
  },
  {
    name: 'two pods: all comes to rest, and the books are right',
    faults: ['stop', 'late_open', 'expire', 'calm'],
    sizes: { holders: 2, grantSizes: [1], reports: 1, requests: 1, requestCosts: [1] },
    comesToRest: true,
  },
];

/** Random walks are taken through this one, which is too large to be searched, and done with the real code. */
export const walks: Check & { count: number; steps: number } = {
  name: 'walks of two pods, with all faults',
  faults: [
    'stop',
    'late_open',
    'lose_journal',
    'old_journal',
    'lose_cost',
    'expire',
    'release',
    'wrong_evidence',
    'cap',
  ],
  sizes: {
    holders: 2,
    firstCap: 4,
    caps: [2, 4],
    requestCosts: [0, 1, 2],
    starts: 4,
    reports: 8,
    requests: 6,
    capChanges: 2,
  },
  count: 60,
  steps: 80,
};

/** In each of these the model must find something. */
export const brokenRules: readonly BrokenRule[] = [
  broken('repeats_change_nothing', 'a repeated report grants again', 'GrantsOnce'),
  broken('ceiling_goes_down_first', 'the ceiling goes down after the return has left', 'RowsCover'),
  broken('only_the_awaited_answer_is_taken', 'any answer is taken', 'RowsCover', ['stop', 'lose_journal']),
  broken('one_process_at_a_time', 'two processes go on from one journal', 'RowsCover'),
  broken('reserved_before_sent', 'a reservation is written after its request has left', 'RowsCover', [
    'stop',
  ]),
  broken('rest_of_lost_journal_is_held', 'what a lost journal had comes back', 'RowsCover', [
    'stop',
    'lose_journal',
  ]),
  broken(
    'journal_behind_reports_is_not_resumed',
    'a journal behind its last report is gone on from',
    'RowsCover',
    ['stop', 'old_journal', 'lose_cost'],
  ),
  broken(
    'journal_from_before_a_loss_is_not_resumed',
    'a journal from before a loss is gone on from',
    'RowsCover',
    ['stop', 'lose_journal', 'old_journal'],
    { starts: 3, reports: 2, grantSizes: [1], requestCosts: [1] },
  ),
  broken('journal_does_not_survive_the_node', 'the journal is on a disk that was not synced', 'RowsCover', [
    'stop',
    'old_journal',
  ]),
  broken('unknown_is_held', 'what nobody knows the cost of is free', 'RowsCover', ['lose_cost']),
  broken('expired_is_held', 'an expired lease is free', 'CapHolds', ['expire'], { holders: 2, reports: 1 }),
  broken('release_waits_for_the_fence', 'held amounts are released while a SAP token is out', 'RowsCover', [
    'expire',
    'release',
  ]),
  broken('no_token_for_a_released_row', 'a process whose row was released gets a SAP token', 'RowsCover', [
    'expire',
    'release',
  ]),
  broken('late_reports_are_booked', 'a report after a release is dropped', 'ReportsBooked', [
    'expire',
    'release',
    'wrong_evidence',
  ]),
  broken('overrun_is_booked', 'what passes a grant is cut off', 'ReportsBooked', [], { requestCosts: [2] }),
  broken('cap_is_the_ledgers', 'a replica grants by a cap it has read elsewhere', 'GrantsFit', ['cap'], {
    caps: [1],
    capChanges: 1,
  }),
  broken('stored_before_answered', 'an answer leaves before the ledger is stored', 'RowsCover'),
  broken(
    'writes_have_a_precondition',
    'a replica overwrites what another has stored',
    'RowsCover',
    ['replicas'],
    {
      holders: 2,
      grantSizes: [1],
      reports: 1,
      requests: 1,
    },
  ),
  broken('an_open_names_those_before_it', 'nobody is told of processes that began before', 'BooksRight', [
    'stop',
    'late_open',
    'calm',
  ]),
  {
    ...broken('who_is_refused_begins_anew', 'a refused process goes on waiting', 'ComesToRest', [
      'stop',
      'late_open',
      'lose_journal',
      'calm',
    ]),
    comesToRest: true,
  },
];

function broken(
  rule: string,
  name: string,
  ...[violates, faults = [], sizes = {}]: [Property, (readonly Fault[])?, Partial<Sizes>?]
): BrokenRule {
  return { rule, name, violates, faults, sizes };
}
