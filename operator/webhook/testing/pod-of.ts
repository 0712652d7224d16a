/** A pod that may run under Pod Security "restricted". */
export function podOf(
  name: string,
  { labels = {}, spec = {} }: { labels?: object; spec?: object } = {},
): object {
  const securityContext = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: { containers: [{ name: 'app', image: 'app', securityContext }], ...spec },
  };
}

/** Pods that a sidecar could not guard, and a part of what their author is told. */
export const refusedPods: { what: string; pod: object; says: string }[] = [
  { what: 'hostNetwork', pod: podOf('bad', { spec: { hostNetwork: true } }), says: 'spec.hostNetwork' },
  {
    what: 'a container of our name',
    pod: podOf('bad', { spec: { containers: [{ name: 'sap-ai-budget', image: 'x' }] } }),
    says: "which is the sidecar's name; give it another",
  },
  {
    what: 'a mount of our volume',
    pod: podOf('bad', {
      spec: {
        containers: [
          { name: 'app', image: 'x', volumeMounts: [{ name: 'sap-ai-budget-token', mountPath: '/t' }] },
        ],
        volumes: [{ name: 'sap-ai-budget-token', emptyDir: {} }],
      },
    }),
    says: "container app mounts sap-ai-budget-token, which is the sidecar's alone; remove the mount",
  },
];
