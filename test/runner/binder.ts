import type { KubeClient } from '../../operator/kube/client.ts';
import type { Clock } from '../../operator/kube/clock.ts';
import { Informer } from '../../operator/kube/informer.ts';
import { isKubeError } from '../../operator/kube/kube-error.ts';
import { WorkQueue } from '../../operator/kube/queue.ts';
import { pods } from '../../operator/kube/resource.ts';
import { messageOf } from './errors.ts';
import { isBeingDeleted, type Pod } from './kubernetes.ts';
import { nodeLabels } from './node.ts';

const backOff = { baseMs: 200, maxMs: 10_000 };

/** What is bound to which node. */
export interface BinderOptions {
  kube: KubeClient;
  clock: Clock;
  nodeName: string;
  /** Empty: all. */
  namespaces: readonly string[];
  /** Whether the node takes one more. */
  hasRoom: () => boolean;
  say: (line: string) => void;
}

/** Whether the pod waits for the default scheduler, in a namespace that is ours, and would have this node. */
export function isOurs(
  pod: Pod,
  { nodeName, namespaces }: Pick<BinderOptions, 'nodeName' | 'namespaces'>,
): boolean {
  if (!awaitsDefaultScheduler(pod)) return false;
  const labels = nodeLabels(nodeName);
  const selected = Object.entries(pod.spec.nodeSelector ?? {});
  if (selected.some(([name, value]) => labels[name] !== value)) return false;
  return namespaces.length === 0 || namespaces.includes(pod.metadata.namespace ?? '');
}

function awaitsDefaultScheduler(pod: Pod): boolean {
  const { schedulerName = 'default-scheduler', schedulingGates = [], nodeName = '' } = pod.spec;
  if (nodeName !== '' || isBeingDeleted(pod)) return false;
  return schedulerName === 'default-scheduler' && schedulingGates.length === 0;
}

/** Binds waiting pods to the node until the signal fires. */
export async function bindPods(options: BinderOptions, signal: AbortSignal): Promise<void> {
  const { kube, clock } = options;
  const waiting = new Informer<Pod>({ kube, resource: pods, fieldSelector: 'spec.nodeName=', backOff });
  const queue = new WorkQueue({ clock, backOff });
  waiting.onChange(({ type, object }) => {
    if (type !== 'deleted') queue.add(`${object.metadata.namespace}/${object.metadata.name}`);
  });
  signal.addEventListener('abort', () => queue.close(), { once: true });
  const watched = waiting.run(signal);
  for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
    const pod = waiting.get(key);
    if (pod === undefined || !isOurs(pod, options) || (await bind(pod, options, signal))) queue.forget(key);
    else queue.addFailed(key);
    queue.done(key);
  }
  await watched;
}

async function bind(
  pod: Pod,
  { kube, nodeName, hasRoom, say }: BinderOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const { namespace, name, uid } = pod.metadata;
  if (!hasRoom()) return false;
  const binding = {
    kind: 'Binding',
    apiVersion: 'v1',
    metadata: { name, ...(uid !== undefined && { uid }) },
    target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
  };
  try {
    await kube.create(pods, binding, { namespace, name, subresource: 'binding', signal });
    say(`pod ${namespace}/${name}: bound to node ${nodeName}`);
    return true;
  } catch (error) {
    // Gone, or bound by another.
    if (signal.aborted || isKubeError(error, 'NotFound', 'Conflict')) return true;
    say(`pod ${namespace}/${name}: not bound: ${messageOf(error)}`);
    return false;
  }
}
