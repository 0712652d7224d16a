import { expect, test } from 'vitest';
import { Bodies } from './bodies.ts';

test('bodies together have so much room, and a request that is over gives its own back', () => {
  const bodies = new Bodies(100);
  const second = bodies.hold();
  {
    using first = bodies.hold();
    first.add(60);
    second.add(30);
    expect(() => second.add(11)).toThrow(expect.objectContaining({ reason: 'too_many_bodies', status: 503 }));
    second.add(10);
    expect(bodies.bytes).toBe(100);
  }
  expect(bodies.bytes).toBe(40);
  second.add(60);
  second[Symbol.dispose]();
  expect(bodies.bytes).toBe(0);
});
