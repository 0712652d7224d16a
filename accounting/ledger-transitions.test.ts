import { expect, test } from 'vitest';
import { setCap, sumRows } from './ledger.ts';
import { cu, holding, processB, processC, unknown } from './ledger-scene.ts';
import type { Scene } from './ledger-scene.ts';

const eventsOf = ({ events }: Scene) =>
  events.map((event) => ('amount' in event ? [event.type, event.amount] : event.type));

/** Sums are settled, outstanding, held, available in CU after these steps, from a holder of six of ten. */
test.each<{
  name: string;
  steps: (scene: Scene) => void;
  sums: number[];
  events?: unknown[];
  state?: string;
}>([
  { name: 'a grant is outstanding', steps: () => undefined, sums: [0, 6, 0, 4] },
  { name: 'a known cost is settled', steps: (s) => s.report(2, { spent: 2 }), sums: [2, 4, 0, 4] },
  {
    name: 'an unknown cost is held',
    steps: (s) => s.report(2, { spent: 1, unknown: [unknown(2)] }),
    sums: [1, 3, 2, 4],
  },
  {
    name: 'an unknown cost that is learned is settled, and the rest of it is the holder’s again',
    steps: (s) => {
      s.report(2, { unknown: [unknown(2)] });
      s.report(3, { spent: 0.5 });
    },
    sums: [0.5, 5.5, 0, 4],
  },
  {
    name: 'what is returned can be granted again',
    steps: (s) => s.report(2, { returned: 5 }),
    sums: [0, 1, 0, 9],
  },
  {
    name: 'a return of more than is there counts as far as there is something',
    steps: (s) => s.report(2, { spent: 2, unknown: [unknown(1)], returned: 5 }),
    sums: [2, 0, 1, 7],
  },
  {
    name: 'what a silent holder had is held',
    steps: (s) => s.expire(),
    sums: [0, 0, 6, 4],
    state: 'expired',
    events: [['LeaseExpired', cu(6)]],
  },
  {
    name: 'a holder that comes back takes it over again',
    steps: (s) => {
      s.expire();
      s.report(2, { spent: 2, returned: 1 });
    },
    sums: [2, 3, 0, 5],
    state: 'open',
    events: [
      ['LeaseExpired', cu(6)],
      ['LeaseReclaimed', cu(6)],
    ],
  },
  {
    name: 'a process without a journal leaves all that its predecessor had held',
    steps: (s) => {
      s.report(2, { spent: 1, unknown: [unknown(2)] });
      s.open(processB);
    },
    sums: [1, 0, 5, 4],
    state: 'open',
    events: [['LeaseLost', cu(5)]],
  },
  {
    name: 'a process with its journal goes on',
    steps: (s) => s.open(processB, { incarnation: 1, seq: 1, spent: 2 }),
    sums: [2, 4, 0, 4],
  },
  {
    name: 'a journal that is behind what was reported is not gone on from',
    steps: (s) => {
      s.report(2, { spent: 3 });
      s.open(processB, { incarnation: 1, seq: 1, spent: 2 });
    },
    sums: [3, 0, 3, 4],
    events: [['LeaseLost', cu(3)]],
  },
  {
    name: 'what a journal that is behind calls unknown is not held once it is known',
    steps: (s) => {
      s.report(2, { spent: 1, returned: 5 });
      s.open(processB, { incarnation: 1, seq: 1, unknown: [unknown(4)] });
    },
    sums: [1, 0, 0, 9],
  },
  {
    name: 'a journal with less than was reported is not gone on from, whatever its number',
    steps: (s) => {
      s.report(2, { spent: 3 });
      s.open(processB, { incarnation: 1, seq: 2, spent: 2 });
    },
    sums: [3, 0, 3, 4],
    events: [['LeaseLost', cu(3)]],
  },
  {
    name: 'a journal that turns up after a process began without it changes nothing',
    steps: (s) => {
      s.open(processB);
      s.open(processC, { incarnation: 1, seq: 1, spent: 4, unknown: [unknown(2)] });
    },
    sums: [0, 0, 6, 4],
    events: [['LeaseLost', cu(6)]],
  },
  {
    name: 'evidence settles what was spent and gives the rest back',
    steps: (s) => {
      s.expire();
      s.release(6, 2);
    },
    sums: [2, 0, 0, 8],
    state: 'released',
    events: [['LeaseExpired', cu(6)]],
  },
  {
    name: 'a late report after complete evidence changes no sum',
    steps: (s) => {
      s.expire();
      s.release(6, 2);
      s.report(2, { spent: 2, returned: 4 });
    },
    sums: [2, 0, 0, 8],
    state: 'released',
    events: [['LeaseExpired', cu(6)]],
  },
  {
    name: 'a late report of more than evidence found takes back what was released',
    steps: (s) => {
      s.expire();
      s.release(6, 2);
      s.report(2, { spent: 5 });
    },
    sums: [5, 0, 0, 5],
    state: 'released',
    events: [
      ['LeaseExpired', cu(6)],
      ['ReleaseRevoked', cu(3)],
    ],
  },
  {
    name: 'a late report beyond the grant is an overrun on top of it',
    steps: (s) => {
      s.expire();
      s.release(6, 2);
      s.report(2, { spent: 7 });
    },
    sums: [7, 0, 0, 3],
    state: 'released',
    events: [
      ['LeaseExpired', cu(6)],
      ['ReleaseRevoked', cu(4)],
      ['Overrun', cu(1)],
    ],
  },
  {
    name: 'a late report of a request that passed its reservation revokes nothing',
    steps: (s) => {
      s.expire();
      s.release(6, 2);
      s.report(2, { spent: 3, overrun: 1 });
    },
    sums: [3, 0, 0, 7],
    state: 'released',
    events: [
      ['LeaseExpired', cu(6)],
      ['Overrun', cu(1)],
    ],
  },
  {
    name: 'a late report after evidence credits no return, also where something is free again',
    steps: (s) => {
      s.expire();
      s.release(6, 2);
      s.report(2, { spent: 2, overrun: 1, returned: 4 });
    },
    sums: [2, 0, 1, 7],
    state: 'released',
    events: [
      ['LeaseExpired', cu(6)],
      ['Overrun', cu(1)],
    ],
  },
  {
    name: 'a released row that is opened starts from what evidence said, with nothing',
    steps: (s) => {
      s.expire();
      s.release(6, 2);
      s.open(processB, { incarnation: 1, seq: 1, spent: 1 });
    },
    sums: [2, 0, 0, 8],
    state: 'open',
    events: [['LeaseExpired', cu(6)]],
  },
  {
    name: 'a request that passed its reservation is settled beyond the grant',
    steps: (s) => s.report(2, { spent: 3, overrun: 1 }),
    sums: [3, 4, 0, 3],
    events: [['Overrun', cu(1)]],
  },
  {
    name: 'spending beyond the grant is booked in full, also when nobody declares it',
    steps: (s) => s.report(2, { spent: 12 }),
    sums: [12, 0, 0, -2],
    events: [['Overrun', cu(6)]],
  },
  {
    name: 'a cap that is lowered under what is out takes nothing away',
    steps: (s) => setCap(s.ledger, cu(5)),
    sums: [0, 6, 0, -1],
  },
])('$name', ({ steps, sums, events = [], state = 'open' }) => {
  const scene = holding();
  steps(scene);
  expect(scene.sums).toEqual(sums.map((sum) => (sum < 0 ? -cu(-sum) : cu(sum))));
  expect(scene.row.state).toBe(state);
  expect(eventsOf(scene)).toEqual(events);
  expect(sumRows(scene.ledger.rows.values())).toEqual(scene.ledger.totals);
});
