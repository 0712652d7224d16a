import { expect, test } from 'vitest';
import { Home } from './home.ts';

const [a, b] = ['https://10.0.0.1:9443', 'https://10.0.0.2:9443'];

function homeAt(atMs = 0) {
  const clock = { nowMs: atMs };
  return { home: new Home(() => clock.nowMs), clock };
}

test('a pod has no home before it is told of one', () => {
  const { home } = homeAt();
  expect([home.told, home.current]).toEqual(['', undefined]);
  home.move(a);
  expect([home.told, home.current?.origin]).toEqual([a, a]);
});

test('a home that does not answer is left alone for a while, for longer each time', () => {
  const { home, clock } = homeAt();
  home.move(a);
  const pauses: number[] = [];
  for (let failure = 0; failure < 6; failure += 1) {
    home.failed(a);
    const fromMs = clock.nowMs;
    while (home.current === undefined) clock.nowMs += 1_000;
    pauses.push(clock.nowMs - fromMs);
  }
  expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  home.answered(a);
  home.failed(a);
  expect(home.awayMs).toBe(2_000);
  clock.nowMs += 2_000;
  expect([home.current?.origin, home.awayMs]).toEqual([a, undefined]);
});

test('calls under way at a home end when another call is not answered there, or the home moves', () => {
  const { home } = homeAt();
  home.move(a);
  const first = home.current?.left;
  home.failed(a);
  expect(first?.aborted).toBe(true);
  home.move(b);
  const second = home.current?.left;
  expect(second?.aborted).toBe(false);
  home.move(b);
  expect(second?.aborted).toBe(false);
  home.move(undefined);
  expect([second?.aborted, home.current]).toEqual([true, undefined]);
});

test('while the home does not answer the one that stands in for it is called, and any if that does not either', () => {
  const { home, clock } = homeAt();
  home.move(a, b);
  expect([home.current?.origin, home.awayMs]).toEqual([a, undefined]);
  home.failed(a);
  expect([home.told, home.current?.origin, home.awayMs]).toEqual([a, b, 2_000]);
  clock.nowMs += 500;
  home.failed(b);
  expect([home.current, home.awayMs]).toEqual([undefined, 1_500]);
  clock.nowMs += 1_500;
  expect(home.current?.origin).toBe(a);
});

test('one that stands in and becomes the home keeps its calls', () => {
  const { home } = homeAt();
  home.move(a, b);
  home.failed(a);
  const left = home.current?.left;
  home.move(b, a);
  expect([home.current?.origin, left?.aborted]).toEqual([b, false]);
  expect(home.current?.left).toBe(left);
});

test('a new home is called at once, whatever became of the old one', () => {
  const { home } = homeAt();
  home.move(a);
  home.failed(a);
  home.move(b);
  home.failed(a);
  expect(home.current?.origin).toBe(b);
});
