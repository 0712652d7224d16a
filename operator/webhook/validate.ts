import { bindingsAnnotation, isSidecarVolume, sidecarName, sidecarPorts } from './names.ts';
import type { Container, Pod } from './pod.ts';

/** Why a pod is not admitted. */
export type RefusalReason =
  | 'budget_missing'
  | 'budget_invalid'
  | 'host_network'
  | 'host_pid'
  | 'shared_process_namespace'
  | 'windows'
  | 'name_taken'
  | 'port_taken'
  | 'foreign_mount'
  | 'annotation_invalid';

/** One reason, and a sentence that says what to change; shown by kubectl, or as an event of the pod's owner. */
export interface Refusal {
  reason: RefusalReason;
  message: string;
}

/** All reasons why a sidecar in this pod would not guard its budget; none for a pod that can be injected. */
export function validatePod(pod: Pod): Refusal[] {
  return checks.flatMap((check) => check(pod));
}

const checks: ((pod: Pod) => Refusal[])[] = [
  sharesHost,
  runsWindows,
  takesName,
  takesPorts,
  mountsVolumes,
  annotatesWrongly,
];

function sharesHost({ spec }: Pod): Refusal[] {
  const shared: [boolean | undefined, RefusalReason, string][] = [
    [
      spec.hostNetwork,
      'host_network',
      "spec.hostNetwork: the sidecar's loopback address would be open to the whole node; remove it, or the budget's label",
    ],
    [
      spec.hostPID,
      'host_pid',
      "spec.hostPID: the sidecar's environment could be read by others; remove it, or the budget's label",
    ],
    [
      spec.shareProcessNamespace,
      'shared_process_namespace',
      "spec.shareProcessNamespace: the application could read the sidecar's token and journal; remove it, or the budget's label",
    ],
  ];
  return shared.flatMap(([set, reason, message]) => (set === true ? [{ reason, message }] : []));
}

function runsWindows({ spec }: Pod): Refusal[] {
  const isWindows = spec.os?.name === 'windows' || spec.nodeSelector?.['kubernetes.io/os'] === 'windows';
  if (!isWindows) return [];
  return [
    {
      reason: 'windows',
      message: "the sidecar runs on Linux nodes only; remove the budget's label from this pod",
    },
  ];
}

function takesName({ spec }: Pod): Refusal[] {
  const taken = [...spec.containers, ...(spec.ephemeralContainers ?? [])].some(
    ({ name }) => name === sidecarName,
  );
  if (!taken) return [];
  return [
    {
      reason: 'name_taken',
      message: `a container is called ${sidecarName}, which is the sidecar's name; give it another`,
    },
  ];
}

function takesPorts({ spec }: Pod): Refusal[] {
  const reserved: number[] = Object.values(sidecarPorts);
  return others(spec).flatMap(({ name, ports = [] }) =>
    ports
      .filter(({ containerPort }) => reserved.includes(containerPort))
      .map(({ containerPort }) => ({
        reason: 'port_taken' as const,
        message: `container ${name} listens on port ${containerPort}, which the sidecar needs; let it listen on another`,
      })),
  );
}

function mountsVolumes({ spec }: Pod): Refusal[] {
  return others(spec).flatMap(({ name, volumeMounts = [] }) =>
    volumeMounts
      .filter((mount) => isSidecarVolume(mount.name))
      .map((mount) => ({
        reason: 'foreign_mount' as const,
        message: `container ${name} mounts ${mount.name}, which is the sidecar's alone; remove the mount`,
      })),
  );
}

function annotatesWrongly({ metadata }: Pod): Refusal[] {
  const value = metadata.annotations?.[bindingsAnnotation];
  if (value === undefined || value === 'Hide' || value === 'Keep') return [];
  return [{ reason: 'annotation_invalid', message: `annotation ${bindingsAnnotation} must be Hide or Keep` }];
}

function others(spec: Pod['spec']): Container[] {
  const all = [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
  return all.filter(({ name }) => name !== sidecarName);
}
