import { setTimeout as pause } from 'node:timers/promises';
import type { Replica } from '../world/replica.ts';
import type { Scene } from './scene.ts';

/** Something that goes wrong, for as long as `during` takes. */
export interface Fault {
  name: string;
  happen: (scene: Scene, chance: Chance) => Promise<void>;
}

/** Where a fault strikes, and for how long. */
export interface Chance {
  /** In [0, 1), repeated by the seed. */
  random: () => number;
  /** Lets traffic run for about that many ms. */
  during: (ms: number) => Promise<void>;
}

/** Longer than replicas wait for one another. */
const beyondLeaseMs = 5_000;

function one<T>(of: readonly T[], random: () => number): T {
  const found = of[Math.floor(random() * of.length)];
  if (found === undefined) throw new RangeError('there is nothing to choose from');
  return found;
}

async function leaderOf({ world }: Scene): Promise<Replica> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    for (const replica of world.replicas) if (await replica.leads()) return replica;
    await pause(200);
  }
  throw new Error('no operator leads');
}

/** Sends what the machine's etcd sends to itself when its quota is used up; takes it back with `DEACTIVATE`. */
async function spaceAlarm({ world }: Scene, action: 'ACTIVATE' | 'DEACTIVATE'): Promise<void> {
  const answer = await fetch(`${world.controlPlane.etcdUrl}/v3/maintenance/alarm`, {
    method: 'POST',
    body: JSON.stringify({ action, memberID: '0', alarm: 'NOSPACE' }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new Error(`etcd answered ${answer.status} to the alarm: ${await answer.text()}`);
}

/** All that may happen; each at least once in a run that is long enough. */
export const faults: readonly Fault[] = [
  {
    name: 'a sidecar is killed',
    happen: async ({ world, pods }, { random, during }) => {
      const { sidecar } = one(pods, random);
      await world.programs.kill(sidecar.program);
      await during(500);
      await sidecar.start();
    },
  },
  {
    name: 'the leading operator is killed',
    happen: async (scene, { during }) => {
      const replica = await leaderOf(scene);
      await replica.kill();
      await during(beyondLeaseMs);
      await replica.start();
    },
  },
  {
    name: 'an operator is killed',
    happen: async ({ world }, { random, during }) => {
      const replica = one(world.replicas, random);
      await replica.kill();
      await during(2_000);
      await replica.start();
    },
  },
  {
    name: 'the leading operator is stopped beyond its Lease, and goes on',
    happen: async (scene, { during }) => {
      const replica = await leaderOf(scene);
      replica.pause();
      await during(beyondLeaseMs);
      replica.resume();
    },
  },
  {
    name: 'a sidecar is stopped, and goes on',
    happen: async ({ world, pods }, { random, during }) => {
      const { sidecar } = one(pods, random);
      world.programs.signal(sidecar.program, 'SIGSTOP');
      await during(3_000);
      world.programs.signal(sidecar.program, 'SIGCONT');
    },
  },
  {
    name: 'an operator cannot reach the API server',
    happen: async ({ world }, { random, during }) => {
      const { api } = one(world.replicas, random);
      api.set(random() < 0.5 ? 'frozen' : 'cut');
      await during(beyondLeaseMs);
      api.set('open');
    },
  },
  {
    name: 'sidecars cannot reach one operator',
    happen: async ({ world }, { random, during }) => {
      const { door } = one(world.replicas, random);
      door.set(random() < 0.5 ? 'frozen' : 'cut');
      await during(3_000);
      door.set('open');
    },
  },
  {
    name: 'connections break, again and again',
    happen: async ({ world }, { during }) => {
      for (let time = 0; time < 5; time += 1) {
        for (const { door, api } of world.replicas) for (const link of [door, api]) link.breakAll();
        await during(400);
      }
    },
  },
  {
    name: 'everything an operator sends and gets is late',
    happen: async ({ world }, { random, during }) => {
      const { door, api } = one(world.replicas, random);
      for (const link of [door, api]) link.delayMs = 300;
      await during(3_000);
      for (const link of [door, api]) link.delayMs = 0;
    },
  },
  {
    name: 'the API server is killed and started again',
    happen: async ({ world }, { during }) => {
      await world.controlPlane.killApiServer();
      await during(1_000);
      await world.controlPlane.restartApiServer();
    },
  },
  {
    name: 'etcd has no space left',
    happen: async (scene, { during }) => {
      await spaceAlarm(scene, 'ACTIVATE');
      await during(3_000);
      await spaceAlarm(scene, 'DEACTIVATE');
    },
  },
];
