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
