import { choosesItself } from '../lease-service/allowed-budgets.ts';
import type { AdmissionAnswer, AdmissionRequest } from './admission-review.ts';
import { injectPod } from './inject.ts';
import { podPatch } from './json-patch.ts';
import { selectBudgets } from './selection.ts';
import type { Selection } from './selection.ts';
import type { InjectionSettings, PodGrant } from './settings.ts';
import { validatePod } from './validate.ts';
import type { Refusal, RefusalReason } from './validate.ts';

/** How a review ended, as a metric label. */
export type AdmissionOutcome = 'injected' | 'unchanged' | 'not_a_new_pod' | RefusalReason;

/** An answer, and how to count it. */
export interface Admission {
  outcome: AdmissionOutcome;
  answer: AdmissionAnswer;
}

/** What admission has to know of the world. */
export interface AdmissionWorld {
  settings: InjectionSettings;
  /** Labels of a namespace; rejects when nobody can say. */
  namespaceLabels: (namespace: string) => Promise<Readonly<Record<string, string>>>;
  /** The first resource group of a budget; undefined for one that is not there (yet). */
  resourceGroupOf: (budget: { namespace: string; name: string }) => string | undefined;
  /** A new key between application and sidecar, from a secure random source. */
  newAppKey: () => string;
  /** Told of the namespace of each pod that will run with a sidecar. */
  onAdmitted: (namespace: string) => void;
}

/** SAP's own default. */
const defaultResourceGroup = 'default';

/** Decides about one pod. Rejects only where `namespaceLabels` does. */
export async function admitPod(request: AdmissionRequest, world: AdmissionWorld): Promise<Admission> {
  if (!isNewPod(request)) return unchanged('not_a_new_pod');
  const selection = await select(request, world);
  if ('refusal' in selection) return refused([selection.refusal]);
  const [refusal, ...more] = validatePod(request.object);
  if (refusal !== undefined) return refused([refusal, ...more]);
  const admission = inject(request, world, selection.budgets);
  // Also for a pod that is as it should be: it will mount the CA.
  if (request.dryRun !== true) world.onAdmitted(request.namespace);
  return admission;
}

function isNewPod({ operation, resource }: AdmissionRequest): boolean {
  return operation === 'CREATE' && resource.group === '' && resource.resource === 'pods';
}

async function select(
  { namespace, object: { metadata } }: AdmissionRequest,
  world: AdmissionWorld,
): Promise<Selection> {
  const { labels = {}, annotations = {} } = metadata;
  const own = choosesItself({ labels, annotations });
  const namespaceLabels = own ? {} : await world.namespaceLabels(namespace);
  return selectBudgets({ namespace, labels, annotations, namespaceLabels });
}

function inject(
  { object: pod, namespace }: AdmissionRequest,
  world: AdmissionWorld,
  budgets: PodGrant['budgets'],
): Admission {
  const resourceGroup = world.resourceGroupOf({ namespace, name: budgets[0] }) ?? defaultResourceGroup;
  const grant = { budgets, resourceGroup, newAppKey: world.newAppKey() };
  const injected = injectPod(pod, world.settings, grant);
  const patch = podPatch(pod, injected.pod);
  if (patch.length === 0) return unchanged('unchanged');
  return { outcome: 'injected', answer: { allowed: true, patch, warnings: injected.warnings } };
}

function unchanged(outcome: AdmissionOutcome): Admission {
  return { outcome, answer: { allowed: true, patch: [], warnings: [] } };
}

function refused(refusals: readonly [Refusal, ...Refusal[]]): Admission {
  const message = `the pod cannot have a budget's sidecar: ${refusals.map((refusal) => refusal.message).join('; ')}`;
  return { outcome: refusals[0].reason, answer: { allowed: false, code: 403, message } };
}
