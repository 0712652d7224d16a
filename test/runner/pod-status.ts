import type { ContainerStatus, Pod, PodCondition, PodPhase, PodStatus } from './kubernetes.ts';
import { hostIp } from './pod-fields.ts';

/** What is known of a pod that runs here. */
export interface PodFacts {
  pod: Pod;
  podIp: string;
  startTime: string;
  init: ContainerStatus[];
  main: ContainerStatus[];
  /** Init containers are through and main containers were started. */
  initialized: boolean;
  /** How it ended, once nothing of it runs any more and nothing will. */
  over?: 'Succeeded' | 'Failed' | undefined;
  previous: PodCondition[];
  now: string;
}

/** A pod's status in the words of the API. */
export function podStatus(facts: PodFacts): PodStatus & Record<string, unknown> {
  const { pod, podIp, startTime, init, main, over } = facts;
  return {
    phase: over ?? phaseOf(facts),
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    podIP: podIp,
    podIPs: [{ ip: podIp }],
    startTime,
    conditions: conditionsOf(facts),
    ...(pod.spec.initContainers !== undefined && {
      initContainerStatuses: init.map(({ ready, ...status }) => ({
        ...status,
        ready: ready || status.state.terminated?.exitCode === 0,
      })),
    }),
    containerStatuses: main,
  };
}

function phaseOf({ initialized, main }: PodFacts): PodPhase {
  const anyStarted = main.some(
    ({ state, lastState }) => state.waiting === undefined || lastState !== undefined,
  );
  return initialized && anyStarted ? 'Running' : 'Pending';
}

function conditionsOf({ pod, init, main, initialized, over, previous, now }: PodFacts): PodCondition[] {
  const sidecars = init.filter(({ name }) => isSidecarName(pod, name));
  const unready = [...sidecars, ...main].filter(({ ready }) => !ready).map(({ name }) => name);
  const allReady = unready.length === 0 && over === undefined;
  const whyNot =
    over === undefined
      ? { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` }
      : { reason: over === 'Succeeded' ? 'PodCompleted' : 'PodFailed' };
  const wanted = [
    { type: 'PodReadyToStartContainers', good: over === undefined },
    { type: 'Initialized', good: initialized, ...(!initialized && { reason: 'ContainersNotInitialized' }) },
    { type: 'ContainersReady', good: allReady, ...(!allReady && whyNot) },
    { type: 'Ready', good: allReady, ...(!allReady && whyNot) },
  ];
  return wanted.map(({ good, ...rest }) => {
    const status = good ? 'True' : 'False';
    const before = previous.find(({ type }) => type === rest.type);
    return {
      ...rest,
      status,
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : now,
    };
  });
}

function isSidecarName({ spec }: Pod, name: string): boolean {
  return spec.initContainers?.some((each) => each.name === name && each.restartPolicy === 'Always') ?? false;
}
