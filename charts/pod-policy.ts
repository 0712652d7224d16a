import { budgetLabel } from '../operator/lease-service/allowed-budgets.ts';
import { sidecarName, volumeNames } from '../operator/webhook/names.ts';
import { exemptNamespaces } from '../operator/webhook/webhook-configuration.ts';
import { denyingPolicy } from './denying-policy.ts';

const policyName = 'sap-ai-budget-pods';
const isSidecar = `c.name == '${sidecarName}'`;
const volumes = Object.values(volumeNames)
  .map((name) => `'${name}'`)
  .join(', ');

/** Words of the rules below. The label of the operator's own namespace counts as little as it does for the webhook. */
const variables = (operatorNamespace: string): { name: string; expression: string }[] => [
  {
    name: 'inits',
    expression: `has(object.spec.initContainers) ? object.spec.initContainers : []`,
  },
  {
    name: 'labelled',
    expression:
      `(has(object.metadata.labels) && '${budgetLabel}' in object.metadata.labels) || ` +
      `(request.namespace != '${operatorNamespace}' && has(namespaceObject.metadata.labels) && ` +
      `'${budgetLabel}' in namespaceObject.metadata.labels)`,
  },
  { name: 'guarded', expression: `variables.inits.exists(c, ${isSidecar})` },
  {
    name: 'others',
    expression:
      `object.spec.containers.map(c, has(c.volumeMounts) ? c.volumeMounts : []) + ` +
      `variables.inits.filter(c, !(${isSidecar})).map(c, has(c.volumeMounts) ? c.volumeMounts : []) + ` +
      `(has(object.spec.ephemeralContainers) ? object.spec.ephemeralContainers : []).map(c, has(c.volumeMounts) ? c.volumeMounts : [])`,
  },
];

/** Each with what to do, for whoever is refused. */
const validations = [
  {
    expression: `request.operation != 'CREATE' || !variables.labelled || variables.guarded`,
    message: `a pod with a budget must have the sidecar ${sidecarName}; install the chart again so that its webhook puts it there`,
  },
  {
    expression: `!variables.guarded || variables.others.all(mounts, mounts.all(m, !(m.name in [${volumes}])))`,
    message: `the volumes of the sidecar ${sidecarName} are its alone; remove the mount`,
  },
  {
    expression:
      `!variables.guarded || (!(has(object.spec.hostNetwork) && object.spec.hostNetwork) && ` +
      `!(has(object.spec.hostPID) && object.spec.hostPID) && ` +
      `!(has(object.spec.shareProcessNamespace) && object.spec.shareProcessNamespace))`,
    message: `a pod with the sidecar ${sidecarName} must not share the network of its node, or processes; remove hostNetwork, hostPID and shareProcessNamespace`,
  },
  {
    expression:
      `oldObject == null || !has(oldObject.spec.initContainers) || ` +
      `oldObject.spec.initContainers.all(o, o.name != '${sidecarName}' || ` +
      `variables.inits.exists(c, ${isSidecar} && c.image == o.image))`,
    message: `the image of the sidecar ${sidecarName} must stay as it is; upgrade the chart and start the pod anew`,
  },
];

/**
 * The policy, with its binding: guards a sidecar after the webhook has put it there, against webhooks that come later and against
 * changes of running pods. Needs nobody to answer, so it also holds while the operator is away.
 */
export function podPolicy(operatorNamespace: string): Record<string, unknown>[] {
  const resourceRules = [
    {
      apiGroups: [''],
      apiVersions: ['v1'],
      operations: ['CREATE', 'UPDATE'],
      resources: ['pods', 'pods/ephemeralcontainers'],
    },
  ];
  const matchExpressions = [
    { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: [...exemptNamespaces] },
  ];
  return denyingPolicy({
    name: policyName,
    match: { namespaceSelector: { matchExpressions }, resourceRules },
    variables: variables(operatorNamespace),
    validations,
  });
}
