import { group } from '../crds/custom-resource.ts';
import {
  acceptLedgerAnnotation,
  approvedByAnnotation,
  releaseAnnotation,
} from '../operator/budget/approvals.ts';
import { denyingPolicy } from './denying-policy.ts';

const policyName = 'sap-ai-budget-authors';
const approvals = [releaseAnnotation, acceptLedgerAnnotation, approvedByAnnotation]
  .map((name) => `'${name}'`)
  .join(', ');

const variables = [
  {
    name: 'raises',
    expression: `has(object.spec.raises) ? object.spec.raises : []`,
  },
  {
    name: 'raisesBefore',
    expression: `oldObject != null && has(oldObject.spec.raises) ? oldObject.spec.raises : []`,
  },
  {
    name: 'annotations',
    expression: `has(object.metadata.annotations) ? object.metadata.annotations : {}`,
  },
  {
    name: 'annotationsBefore',
    expression: `oldObject != null && has(oldObject.metadata.annotations) ? oldObject.metadata.annotations : {}`,
  },
  {
    name: 'approves',
    expression:
      `[${approvals}].exists(a, a in variables.annotations && ` +
      `!(a in variables.annotationsBefore && variables.annotationsBefore[a] == variables.annotations[a]))`,
  },
];

/** Each with what to do, for whoever is refused. */
const validations = [
  {
    expression: `variables.raises.all(r, r.author == request.userInfo.username || variables.raisesBefore.exists(b, b == r))`,
    message: `spec.raises: author of a new or changed raise must be your own user name, which kubectl auth whoami tells`,
  },
  {
    expression:
      `!variables.approves || ('${approvedByAnnotation}' in variables.annotations && ` +
      `variables.annotations['${approvedByAnnotation}'] == request.userInfo.username)`,
    message: `who approves must be named by the annotation ${approvedByAnnotation}: your own user name, which kubectl auth whoami tells`,
  },
  {
    expression:
      `!variables.approves || authorizer.group('${group}').resource('sapaibudgets').namespace(object.metadata.namespace)` +
      `.name(object.metadata.name).check('approve').allowed()`,
    message: `to release held amounts or accept a ledger, the verb approve on sapaibudgets is needed; ask who manages roles`,
  },
];

/**
 * The policy, with its binding: who raises a limit, or approves what nothing else can prove, is who the API server says
 * it is, and may do so.
 */
export function authorPolicy(): Record<string, unknown>[] {
  const resourceRules = [
    {
      apiGroups: [group],
      apiVersions: ['*'],
      operations: ['CREATE', 'UPDATE'],
      resources: ['sapaibudgets'],
    },
  ];
  return denyingPolicy({ name: policyName, match: { resourceRules }, variables, validations });
}
