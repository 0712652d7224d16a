import { expect, test } from 'vitest';
import { GrantPace } from './grant-pace.ts';

/** What each ask is for, when they leave at these times. */
function asksAt(...times: number[]): bigint[] {
  const pace = new GrantPace();
  return times.map((nowMs) => {
    const requests = pace.requestsAt(nowMs);
    pace.noteAsk(nowMs);
    return requests;
  });
}

test.each([
  { name: 'the first grant is for a few requests', times: [0], want: [8n] },
  {
    name: 'a grant used up within a second is followed by a double one',
    times: [0, 10, 999],
    want: [8n, 16n, 32n],
  },
  { name: 'a grant that lasted is followed by a small one', times: [0, 10, 1010], want: [8n, 16n, 8n] },
])('$name', ({ times, want }) => {
  expect(asksAt(...times)).toEqual(want);
});

test('a grant never grows beyond what may lie idle after a burst', () => {
  expect(asksAt(...Array.from({ length: 20 }, (_, index) => index)).at(-1)).toBe(1024n);
});
