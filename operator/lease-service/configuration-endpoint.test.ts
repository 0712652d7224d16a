import { expect, test } from 'vitest';
import type { ConfigurationAnswer } from '../../accounting/configuration-messages.ts';
import { Peers } from '../replicas/peers.ts';
import { TestClock } from '../testing/test-clock.ts';
import { configurationEndpoint } from './configuration-endpoint.ts';

const replicas = ['1', '2', '3', '4', '5', '6', '7'].map((name) => ({
  name,
  version: '1',
  origin: `https://10.0.0.${name}:9443`,
  durationMs: 15_000,
}));
const nothing: ConfigurationAnswer = { schema: 1, etag: 'e', budgets: [] };

/** The home that a pod of that namespace is told, which may spend from the budget `chat` there. */
async function homeTold(namespace: string, root: string | undefined): Promise<unknown> {
  const homes = new Peers({
    own: { name: '1', origin: 'https://10.0.0.1:9443' },
    clock: new TestClock(),
  });
  homes.observe(replicas);
  const endpoint = configurationEndpoint({
    source: {
      current: () => nothing,
      waitForChange: () => Promise.resolve(nothing),
      noteLeaving: () => undefined,
    },
    homes,
    rootNamespaceOf: () => root,
  });
  const caller = {
    pod: { namespace, name: 'pod', uid: 'uid' },
    budgets: [{ namespace, name: 'chat' }],
    signal: new AbortController().signal,
  };
  const answer = await endpoint(caller, { schema: 1, waitSeconds: 0, home: '' });
  return Object(JSON.parse(answer)).home;
}

const teams = ['team-a', 'team-b', 'team-c', 'team-d', 'team-e', 'team-f'];

test('pods of all namespaces that spend below one root have one home', async () => {
  const homes = await Promise.all(teams.map((team) => homeTold(team, 'platform')));
  expect(new Set(homes).size).toBe(1);
  expect(homes[0]).toBe(await homeTold('platform', 'platform'));
});

test('pods whose root is not known have the home of their namespace', async () => {
  const homes = await Promise.all(teams.map((team) => homeTold(team, undefined)));
  expect(new Set(homes).size).toBeGreaterThan(1);
});
