import { expect, test } from 'vitest';
import { TestClock } from '../testing/test-clock.ts';
import { Peers } from './peers.ts';
import type { Heartbeat } from './peers.ts';

const durationMs = 15_000;

function beat(name: string, version = '1'): Heartbeat {
  return { name, version, origin: `https://10.0.0.${name}:9443`, durationMs };
}

function peersOf(name: string) {
  const clock = new TestClock();
  const peers = new Peers({ own: { name, origin: `https://10.0.0.${name}:9443` }, clock });
  let changes = 0;
  peers.onChange(() => (changes += 1));
  return { peers, clock, changes: () => changes };
}

test('alone there is no home', () => {
  const { peers } = peersOf('1');
  peers.observe([beat('1')]);
  expect([peers.hasPeers, peers.homeOf('team-a')]).toEqual([false, undefined]);
});

test('replicas that see the same heartbeats name the same home', () => {
  const views = ['1', '2', '3'].map((name) => peersOf(name).peers);
  for (const peers of views) peers.observe([beat('1'), beat('2'), beat('3')]);
  for (const namespace of ['team-a', 'team-b', 'team-c', 'team-d']) {
    const homes = new Set(views.map((peers) => peers.homeOf(namespace)));
    expect(homes.size).toBe(1);
  }
});

test('who stands in for a home is what becomes the home without it, as every replica sees it', () => {
  const views = ['1', '2', '3'].map((name) => peersOf(name).peers);
  const beats = [beat('1'), beat('2'), beat('3')];
  for (const peers of views) peers.observe(beats);
  for (const namespace of ['team-a', 'team-b', 'team-c', 'team-d']) {
    const [home, standIn] = [views[0]?.homeOf(namespace), views[0]?.standInOf(namespace)];
    expect(new Set(views.map((peers) => peers.standInOf(namespace)))).toEqual(new Set([standIn]));
    const left = peersOf('4').peers;
    left.serveAt(undefined);
    left.observe(beats.filter(({ origin }) => origin !== home));
    expect(left.homeOf(namespace)).toBe(standIn);
  }
});

test('nobody stands in where no other replica can be told from the rest', () => {
  const { peers } = peersOf('1');
  expect(peers.standInOf('team-a')).toBeUndefined();
  peers.observe([{ ...beat('2'), origin: undefined }]);
  expect(peers.standInOf('team-a')).toBeUndefined();
});

test('a replica whose heartbeat stands still is gone after its duration, and is there again when it goes on', () => {
  const { peers, clock, changes } = peersOf('1');
  peers.observe([beat('1'), beat('2')]);
  expect([peers.count, changes()]).toEqual([2, 1]);
  clock.pass(14_999);
  peers.observe([beat('1', '4'), beat('2')]);
  expect(peers.count).toBe(2);
  clock.pass(1);
  peers.look();
  expect([peers.count, changes()]).toEqual([1, 2]);
  peers.observe([beat('1', '5'), beat('2', '2')]);
  expect([peers.count, changes()]).toEqual([2, 3]);
});

test('a replica that has taken its heartbeat away is gone at once', () => {
  const { peers } = peersOf('1');
  peers.observe([beat('1'), beat('2')]);
  peers.observe([beat('1', '2')]);
  expect(peers.hasPeers).toBe(false);
});

test('only a replica that can be told from the others is a home', () => {
  const { peers } = peersOf('1');
  peers.serveAt(undefined);
  peers.observe([beat('2'), { ...beat('3'), origin: undefined }]);
  expect(peers.count).toBe(3);
  for (const namespace of ['team-a', 'team-b', 'team-c'])
    expect(peers.homeOf(namespace)).toBe('https://10.0.0.2:9443');
});

test('beats of the same replicas are no news', () => {
  const { peers, changes } = peersOf('1');
  for (const version of ['1', '2', '3']) peers.observe([beat('1', version), beat('2', version)]);
  expect(changes()).toBe(1);
});

test('what has been silent for long can be told from what is only gone for now', () => {
  const { peers, clock } = peersOf('1');
  peers.observe([beat('1'), beat('2')]);
  clock.pass(60_000);
  peers.observe([beat('1', '2'), beat('2')]);
  expect(peers.silentFor(60_000)).toEqual(['2']);
  expect(peers.silentFor(60_001)).toEqual([]);
});
