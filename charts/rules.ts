import { authorityConfigMapName, certificatesSecretName } from '../operator/certificates/ensure.ts';
import { webhookConfigurationName } from '../operator/webhook/webhook-configuration.ts';

/** One rule of a Role or ClusterRole. */
export interface Rule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

const group = 'sapai.eerly.ai';

/** What the operator does in the whole cluster: budgets, pods and namespaces may be anywhere. */
export const clusterRules: Rule[] = [
  // Budgets and rate cards are watched, and told how they are; the default rate card is made where there is none.
  { apiGroups: [group], resources: ['sapaibudgets', 'sapairatecards'], verbs: ['list', 'watch'] },
  { apiGroups: [group], resources: ['sapaibudgets/status', 'sapairatecards/status'], verbs: ['patch'] },
  { apiGroups: [group], resources: ['sapairatecards'], verbs: ['create'] },
  // Statements lie beside their budgets and outlive them.
  { apiGroups: [group], resources: ['sapaistatements'], verbs: ['get', 'create', 'patch'] },
  { apiGroups: [group], resources: ['sapaistatements/status'], verbs: ['patch'] },
  // Who calls, and which budgets it may spend from; and whether all that labels choose have a sidecar.
  { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] },
  { apiGroups: [''], resources: ['namespaces'], verbs: ['get', 'list', 'watch'] },
  // Events lie beside the budgets they are about.
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
  // The CA, for the sidecars of every namespace and for the API server. Applied under its name, so that `create` can be bound to it.
  {
    apiGroups: [''],
    resources: ['configmaps'],
    resourceNames: [authorityConfigMapName],
    verbs: ['list', 'watch', 'create', 'patch'],
  },
  {
    apiGroups: ['admissionregistration.k8s.io'],
    resources: ['mutatingwebhookconfigurations'],
    resourceNames: [webhookConfigurationName],
    verbs: ['list', 'watch', 'patch'],
  },
];

/** What it does in its own namespace: ledgers, and its own certificates. */
export const operatorNamespaceRules: Rule[] = [
  // A ledger is deleted long after its month was closed, and its name is not opened again.
  { apiGroups: [group], resources: ['sapailedgers'], verbs: ['get', 'list', 'create', 'update', 'delete'] },
  // Pages are never changed, but replaced by others.
  { apiGroups: [group], resources: ['sapailedgerpages'], verbs: ['get', 'list', 'create', 'delete'] },
  {
    apiGroups: [''],
    resources: ['secrets'],
    resourceNames: [certificatesSecretName],
    verbs: ['get', 'update'],
  },
  // Who of several operators leads, and which of them are there.
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'list', 'create', 'update', 'delete'],
  },
  // Kubernetes cannot bind this to a name.
  { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
];

/** What it does where budgets name Secrets. */
export const credentialNamespaceRules: Rule[] = [
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch'] },
];
