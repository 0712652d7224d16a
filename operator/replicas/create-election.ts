import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { monotonicClock } from '../kube/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { Election, electionTimes } from './election.ts';
import { LeaderLease } from './leader-lease.ts';

export interface ElectionSettings {
  kube: KubeClient;
  /** Of the operator. */
  namespace: string;
  /** How long others wait for a silent leader. */
  leaderMs: number;
  log: Logger;
}

/** The election of this process among the replicas of its namespace. */
export function createElection({ kube, namespace, leaderMs, log }: ElectionSettings): Election {
  return new Election({
    store: new LeaderLease({ kube, namespace }),
    // A former process of the same pod may still have writes under way.
    identity: `${hostname()}_${randomUUID()}`,
    times: electionTimes(leaderMs),
    clock: monotonicClock,
    wallMs: () => Date.now(),
    onFailure: (error) => log.warn({ err: error }, 'the Lease of the leader cannot be read or written'),
  });
}
