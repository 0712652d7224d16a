import { budgetLabel } from '../lease-service/allowed-budgets.ts';
import { injectPath } from './server.ts';

/** Name of the MutatingWebhookConfiguration. */
export const webhookConfigurationName = 'sap-ai-budget';

/** Its entries: a pod says itself that it has a budget, or its namespace says so for all its pods. */
export const webhookNames = {
  pod: 'pod.inject.sapai.eerly.ai',
  namespace: 'namespace.inject.sapai.eerly.ai',
} as const;

/** Never injected: a cluster must come up without the operator. */
export const exemptNamespaces = ['kube-system', 'kube-public', 'kube-node-lease'] as const;

/** Where the API server finds the webhook: a Service, or a URL where it cannot resolve Services. */
export type WebhookAddress = { service: { namespace: string; name: string; port: number } } | { url: string };

/**
 * The webhook's registration, without its CA, which `CaBundle` keeps. Selected pods only, and these not without it: an application without its sidecar would spend unmetered, or
 * not at all. Two entries, because selectors of one entry must all match.
 */
export function webhookConfiguration({
  address,
  operatorNamespace,
}: {
  address: WebhookAddress;
  operatorNamespace: string;
}) {
  const notSystem = notIn(exemptNamespaces);
  // A label on its own namespace must not keep the operator from starting.
  const notOurs = notIn([operatorNamespace, ...exemptNamespaces]);
  const labelled = { key: budgetLabel, operator: 'Exists' };
  const unlabelled = { key: budgetLabel, operator: 'DoesNotExist' };
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: webhookConfigurationName },
    webhooks: [
      entry(webhookNames.pod, address, { namespace: [notSystem], pod: [labelled] }),
      entry(webhookNames.namespace, address, { namespace: [notOurs, labelled], pod: [unlabelled] }),
    ],
  };
}

function notIn(namespaces: readonly string[]): Expression {
  return { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: [...namespaces] };
}

type Expression = { key: string; operator: string; values?: string[] };

function entry(
  name: string,
  address: WebhookAddress,
  select: { namespace: Expression[]; pod: Expression[] },
): Record<string, unknown> {
  const clientConfig =
    'url' in address
      ? { url: `${address.url.replace(/\/+$/, '')}${injectPath}` }
      : { service: { ...address.service, path: injectPath } };
  return {
    name,
    admissionReviewVersions: ['v1'],
    clientConfig,
    rules: [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        operations: ['CREATE'],
        resources: ['pods'],
        scope: 'Namespaced',
      },
    ],
    namespaceSelector: { matchExpressions: select.namespace },
    objectSelector: { matchExpressions: select.pod },
    failurePolicy: 'Fail',
    // Another webhook may add a container after us, which then needs its variables.
    reinvocationPolicy: 'IfNeeded',
    matchPolicy: 'Equivalent',
    // The CA's ConfigMap follows the first pod of a namespace.
    sideEffects: 'NoneOnDryRun',
    timeoutSeconds: 5,
  };
}
