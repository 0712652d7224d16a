/** What a ValidatingAdmissionPolicy looks at, and what it refuses. */
export interface DenyingPolicy {
  name: string;
  /** `matchConstraints`. */
  match: Record<string, unknown>;
  variables: readonly { name: string; expression: string }[];
  /** CEL that holds for what may pass, each with what to do for whoever is refused. */
  validations: readonly { expression: string; message: string }[];
}

/** The policy, with the binding that makes it refuse what does not pass. */
export function denyingPolicy({
  name,
  match,
  variables,
  validations,
}: DenyingPolicy): Record<string, unknown>[] {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: match,
        variables,
        validations: validations.map((rule) => ({ ...rule, reason: 'Forbidden' })),
      },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  ];
}
