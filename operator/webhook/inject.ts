import { applicationEnv } from './application-env.ts';
import type { ApplicationKeys } from './application-env.ts';
import { literalOf } from './environment.ts';
import { bindingsAnnotation, isSidecarVolume, sidecarName } from './names.ts';
import { exemptLoopback } from './no-proxy.ts';
import type { Container, Pod } from './pod.ts';
import { hideBindings } from './service-bindings.ts';
import type { InjectionSettings, PodGrant } from './settings.ts';
import { sidecarContainer, sidecarVolumes } from './sidecar-container.ts';

/** A pod with its sidecar, and what its author should know. */
export interface InjectedPod {
  pod: Pod;
  warnings: string[];
}

/**
 * The pod as it may run: the sidecar first among its init containers, so that it starts before everything that may call it, its
 * volumes, and variables in every other container that lead SAP's and others' clients to it. What is there of our names is replaced;
 * doing it again changes nothing. Presumes that `validatePod` found nothing to refuse.
 */
export function injectPod(pod: Pod, settings: InjectionSettings, grant: PodGrant): InjectedPod {
  const { containers, initContainers = [], volumes = [] } = pod.spec;
  const appKey = existingAppKey(initContainers) ?? grant.newAppKey;
  const keys = { budget: grant.budgets[0], appKey, resourceGroup: grant.resourceGroup };
  const hide = pod.metadata.annotations?.[bindingsAnnotation] !== 'Keep';
  const warnings: string[] = [];
  const redirect = (container: Container): Container => {
    const unbound = hide ? hideBindings(container) : { container, warnings: [] };
    warnings.push(...unbound.warnings);
    return redirected(unbound.container, keys);
  };
  const others = initContainers.filter(({ name }) => name !== sidecarName);
  const spec = {
    ...pod.spec,
    initContainers: [
      sidecarContainer(settings, { appKey, graceSeconds: pod.spec.terminationGracePeriodSeconds }),
      ...others.map(redirect),
    ],
    containers: containers.map(redirect),
    volumes: [...volumes.filter(({ name }) => !isSidecarVolume(name)), ...sidecarVolumes(settings)],
  };
  if (warnings.length > 0)
    warnings.push(`annotation ${bindingsAnnotation}: Keep leaves service bindings as they are`);
  return { pod: { ...pod, spec }, warnings };
}

function redirected(container: Container, keys: ApplicationKeys): Container {
  const hasEnvFrom = (container.envFrom ?? []).length > 0;
  return { ...container, env: exemptLoopback(applicationEnv(container.env ?? [], keys), hasEnvFrom) };
}

/** The key of a pod that has been here before, in this admission or as a copy of another pod: two keys in one pod would not fit. */
function existingAppKey(initContainers: readonly Container[]): string | undefined {
  const env = initContainers.find(({ name }) => name === sidecarName)?.env ?? [];
  const key = literalOf(env, 'SAPAIBUDGET_APP_KEY');
  return key !== undefined && /^[\w-]{32,256}$/.test(key) ? key : undefined;
}
