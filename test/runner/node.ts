import { arch, cpus, totalmem } from 'node:os';
import type { KubeClient } from '../../operator/kube/client.ts';
import { type Clock, pause } from '../../operator/kube/clock.ts';
import { leases } from '../../operator/kube/resource.ts';
import { messageOf } from './errors.ts';
import { nodes } from './kubernetes.ts';
import { hostIp } from './pod-fields.ts';

/** As a kubelet does it: the node counts as lost after 40 s without either. */
const leaseSeconds = 40;
const renewMs = 10_000;
const renewalsPerStatus = 6;

/** Pods that the node takes; the default of a kubelet. */
export const maxPods = 110;

/** The node that this program is. */
export interface NodeOptions {
  kube: KubeClient;
  clock: Clock;
  name: string;
  say: (line: string) => void;
  /** Port of the logs that the API server asks for. */
  logsPort: number | undefined;
}

/** What pods may select the node by. */
export function nodeLabels(name: string): Record<string, string> {
  const architecture = arch() === 'x64' ? 'amd64' : arch();
  return { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': architecture };
}

/** Registers the node as ready, with its lease. */
export async function registerNode(options: NodeOptions, signal: AbortSignal): Promise<void> {
  const { kube, name, say } = options;
  await kube.apply(nodes, { metadata: { name, labels: nodeLabels(name) }, spec: {} }, { signal });
  await writeLease(options, signal);
  await writeStatus(options, signal);
  say(`node ${name}: ready`);
}

/** Keeps it alive until the signal fires; what fails is tried again at the next turn. */
export async function keepNode(options: NodeOptions, signal: AbortSignal): Promise<void> {
  for (let turn = 1; ; turn += 1) {
    await pause(options.clock, renewMs, signal);
    if (signal.aborted) return;
    try {
      await writeLease(options, signal);
      if (turn % renewalsPerStatus === 0) await writeStatus(options, signal);
    } catch (error) {
      if (!signal.aborted) options.say(`node ${options.name}: not renewed: ${messageOf(error)}`);
    }
  }
}

async function writeLease({ kube, clock, name }: NodeOptions, signal: AbortSignal): Promise<void> {
  const renewTime = `${new Date(clock.nowMs()).toISOString().slice(0, -1)}000Z`;
  const spec = { holderIdentity: name, leaseDurationSeconds: leaseSeconds, renewTime };
  await kube.apply(leases, { metadata: { name, namespace: 'kube-node-lease' }, spec }, { signal });
}

async function writeStatus({ kube, clock, name, logsPort }: NodeOptions, signal: AbortSignal): Promise<void> {
  const now = `${new Date(clock.nowMs()).toISOString().slice(0, 19)}Z`;
  const resources = {
    cpu: String(cpus().length),
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    pods: String(maxPods),
  };
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'RunnerReady',
    message: 'containers run as processes of this machine',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  };
  const status = {
    capacity: resources,
    allocatable: resources,
    // No Hostname: nothing resolves it, and the API server would ask for logs under it.
    addresses: [{ type: 'InternalIP', address: hostIp }],
    conditions: [ready],
    ...(logsPort !== undefined && { daemonEndpoints: { kubeletEndpoint: { Port: logsPort } } }),
  };
  await kube.applyStatus(nodes, { metadata: { name }, status }, { signal });
}
