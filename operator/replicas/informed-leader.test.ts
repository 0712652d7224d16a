import { expect, test } from 'vitest';
import { InformedLeader } from './informed-leader.ts';

const { signal } = new AbortController();

function scene() {
  const elected = { term: 0, elected: false, leads: (): boolean => elected.elected };
  return { elected, leader: new InformedLeader(elected) };
}

test('who is elected leads once it has read anew, and in each term again', async () => {
  const { elected, leader } = scene();
  elected.elected = true;
  elected.term = 1;
  expect(leader.leads()).toBe(false);
  await leader.inform(() => Promise.resolve(), signal);
  expect([leader.leads(), leader.term]).toEqual([true, 1]);
  elected.term = 2;
  expect(leader.leads()).toBe(false);
  await leader.inform(() => Promise.resolve(), signal);
  elected.elected = false;
  expect(leader.leads()).toBe(false);
});

test('a term that ends before anything could be read is none', async () => {
  const { elected, leader } = scene();
  elected.elected = true;
  elected.term = 1;
  const over = new AbortController();
  const informing = leader.inform(() => new Promise(() => undefined), over.signal);
  over.abort();
  await informing;
  expect(leader.leads()).toBe(false);
});
