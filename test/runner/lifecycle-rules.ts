import type { V1Container } from '@kubernetes/client-node';
import type { Pod } from './kubernetes.ts';

const defaultGraceSeconds = 30;

/** Whether the container is a native sidecar: it starts before the others, and ends after them. */
export function isSidecar({ restartPolicy }: Pick<V1Container, 'restartPolicy'>): boolean {
  return restartPolicy === 'Always';
}

/** Whether a container is started again after it has ended with this code while its pod goes on. */
export function restartsAfter(exitCode: number, { spec }: Pod, container: V1Container): boolean {
  if (isSidecar(container)) return true;
  const { restartPolicy = 'Always', initContainers = [] } = spec;
  // An init container that has done its work is through, whatever the policy.
  const isThrough = exitCode === 0 && initContainers.some(({ name }) => name === container.name);
  if (restartPolicy === 'Never' || isThrough) return false;
  return restartPolicy === 'Always' || exitCode !== 0;
}

/** How long its containers have to end once SIGTERM was sent. */
export function graceMsOf({ spec }: Pod): number {
  return (spec.terminationGracePeriodSeconds ?? defaultGraceSeconds) * 1000;
}

/** How long a pod that is being deleted has left, at the moment of its deletion. */
export function deletionGraceMs(pod: Pod): number {
  const { deletionGracePeriodSeconds } = pod.metadata;
  return deletionGracePeriodSeconds === undefined ? graceMsOf(pod) : deletionGracePeriodSeconds * 1000;
}
