import { authorityConfigMapName } from '../certificates/ensure.ts';
import { tokenAudience } from '../lease-service/authenticate.ts';
import { sidecarName, sidecarPorts, volumeNames } from './names.ts';
import type { Container, Volume } from './pod.ts';
import type { InjectionSettings } from './settings.ts';

const tokenDir = '/var/run/secrets/sapai.eerly.ai';
const authorityDir = '/etc/sap-ai-budget/ca';
const journalDir = '/var/lib/sap-ai-budget';
/** The kubelet renews it after four fifths of that; the shortest that it accepts is 600. */
const tokenLifeSeconds = 3600;
/** `nonroot` of the distroless images; any user that is not root would do. */
const userId = 65_532;
/** What Kubernetes gives a pod that does not say. */
const defaultGraceSeconds = 30;
/** Left of the grace period after the last request, to return the lease: a sidecar that is killed before has it held. */
const returnSeconds = 5;
/** The sidecar takes no more; no request lasts that long. */
const maxDrainSeconds = 3600;
const adminPortName = 'sapai-admin';

/** The sidecar as it has to be in every pod, whatever the pod said of a container of this name. */
export function sidecarContainer(
  settings: InjectionSettings,
  { appKey, graceSeconds = defaultGraceSeconds }: { appKey: string; graceSeconds?: number | undefined },
): Container {
  const { image, imagePullPolicy, command, resources } = settings;
  return {
    name: sidecarName,
    image,
    ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
    command: [...command],
    // What makes it a sidecar: it starts before the application, and ends after it.
    restartPolicy: 'Always',
    env: environment(settings, { appKey, graceSeconds }),
    ports: [{ name: adminPortName, containerPort: sidecarPorts.admin, protocol: 'TCP' }],
    startupProbe: probe('/readyz', { periodSeconds: 1, failureThreshold: 120 }),
    readinessProbe: probe('/readyz', { periodSeconds: 10, failureThreshold: 3 }),
    livenessProbe: probe('/healthz', { periodSeconds: 10, failureThreshold: 6 }),
    resources: { requests: { ...resources.requests }, limits: { ...resources.limits } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsGroup: userId,
      runAsNonRoot: true,
      runAsUser: userId,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [
      { name: volumeNames.token, mountPath: tokenDir, readOnly: true },
      { name: volumeNames.authority, mountPath: authorityDir, readOnly: true },
      { name: volumeNames.journal, mountPath: journalDir },
    ],
  };
}

/** The volumes that only the sidecar mounts. */
export function sidecarVolumes({ journalSizeLimit }: InjectionSettings): Volume[] {
  return [
    {
      name: volumeNames.token,
      projected: {
        sources: [
          {
            serviceAccountToken: {
              audience: tokenAudience,
              expirationSeconds: tokenLifeSeconds,
              path: 'token',
            },
          },
        ],
      },
    },
    {
      name: volumeNames.authority,
      configMap: { name: authorityConfigMapName, items: [{ key: 'ca.crt', path: 'ca.crt' }] },
    },
    // In memory: the journal must survive the process, and must not survive a reboot of the node.
    { name: volumeNames.journal, emptyDir: { medium: 'Memory', sizeLimit: journalSizeLimit } },
  ];
}

function environment(
  { operatorUrl, logLevel }: InjectionSettings,
  { appKey, graceSeconds }: { appKey: string; graceSeconds: number },
): { name: string; value: string }[] {
  const values = {
    SAPAIBUDGET_LISTEN: `127.0.0.1:${sidecarPorts.application}`,
    SAPAIBUDGET_ADMIN_LISTEN: `0.0.0.0:${sidecarPorts.admin}`,
    SAPAIBUDGET_OPERATOR_URL: operatorUrl,
    SAPAIBUDGET_CA_FILE: `${authorityDir}/ca.crt`,
    SAPAIBUDGET_TOKEN_FILE: `${tokenDir}/token`,
    SAPAIBUDGET_JOURNAL_DIR: journalDir,
    SAPAIBUDGET_APP_KEY: appKey,
    SAPAIBUDGET_DRAIN_SECONDS: String(Math.min(Math.max(graceSeconds - returnSeconds, 1), maxDrainSeconds)),
    SAPAIBUDGET_LOG_LEVEL: logLevel,
  };
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

function probe(
  path: '/readyz' | '/healthz',
  { periodSeconds, failureThreshold }: { periodSeconds: number; failureThreshold: number },
): Record<string, unknown> {
  return {
    httpGet: { path, port: adminPortName },
    periodSeconds,
    failureThreshold,
    // A busy node is slow for a moment; who kills a sidecar for that has its reservations held for nothing.
    timeoutSeconds: 5,
  };
}
