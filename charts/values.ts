import { z } from 'zod';

const quantity = z
  .string()
  .regex(/^[0-9]{1,12}([.][0-9]{1,9})?(m|k|Ki|M|Mi|G|Gi)?$/)
  .describe('A Kubernetes quantity, such as 96Mi.');
const amounts = z.record(z.string(), quantity);
const pullPolicy = z.enum(['Always', 'IfNotPresent', 'Never']);
const logLevel = z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('How much is logged.');
const command = (program: string) =>
  z
    .array(z.string())
    .min(1)
    .default(['node', `/app/${program}/main.ts`])
    .describe('What the container runs.');
/** What Kubernetes checks by itself, and nobody here looks into. */
const asIs = z.looseObject({});

const resources = (requests: Record<string, string>, limits: Record<string, string>) =>
  z
    .strictObject({ requests: amounts.default(requests), limits: amounts.default(limits) })
    .prefault({})
    .describe('CPU and memory.');

const namespace = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
const origin = (what: string) =>
  z
    .string()
    .regex(/^(https:[/][/][^/?#]+)?$/)
    .default('')
    .describe(what);

const image = z
  .strictObject({
    repository: z.string().min(1).default('sap-ai-budget').describe('Image of both programs.'),
    tag: z.string().default('').describe("Empty: the chart's appVersion."),
    digest: z
      .string()
      .regex(/^(sha256:[0-9a-f]{64})?$/)
      .default('')
      .describe('Beats the tag.'),
    pullPolicy: pullPolicy.default('IfNotPresent'),
    pullSecrets: z
      .array(z.strictObject({ name: z.string().min(1) }))
      .default([])
      .describe("For the operator; a pod's own pull secrets are used for its sidecar."),
  })
  .prefault({});

const operator = z
  .strictObject({
    command: command('operator'),
    replicas: z
      .int()
      .min(1)
      .max(9)
      .default(1)
      .describe(
        'Operators side by side: all of them serve sidecars and the webhook, one leads (docs/replicas.md).',
      ),
    logLevel,
    refreshSeconds: z
      .int()
      .min(1)
      .max(3600)
      .default(60)
      .describe('How often deployments and models are read from SAP.'),
    leaseSeconds: z.int().min(5).max(3600).default(300).describe('How long a lease lasts after each report.'),
    keepLedgerMonths: z
      .int()
      .min(1)
      .max(120)
      .default(12)
      .describe(
        'How long ledgers of closed months stay, from the end of their month; their statements stay for ever (docs/leases.md).',
      ),
    resources: resources({ cpu: '100m', memory: '192Mi' }, { memory: '512Mi' }),
    podAnnotations: z.record(z.string(), z.string()).default({}),
    nodeSelector: z.record(z.string(), z.string()).default({}),
    tolerations: z.array(asIs).default([]),
    affinity: asIs.default({}),
    priorityClassName: z.string().default(''),
    podDisruptionBudget: z
      .strictObject({
        enabled: z
          .boolean()
          .default(false)
          .describe(
            'True: a drain of its node waits until somebody moves the operator. With several replicas there is always one that lets one of them go at a time.',
          ),
      })
      .prefault({}),
  })
  .prefault({});

const sidecar = z
  .strictObject({
    command: command('sidecar'),
    logLevel,
    operatorUrl: origin('Where sidecars reach the operator; empty: its Service.'),
    resources: resources({ cpu: '20m', memory: '96Mi' }, { memory: '512Mi' }),
    journalSizeLimit: quantity
      .default('16Mi')
      .describe('Memory for the journal; counts against the memory limit.'),
  })
  .prefault({});

const labels = z.record(z.string(), z.string());
const interval = z
  .string()
  .regex(/^[0-9]{1,5}(ms|s|m|h)$/)
  .default('30s');
/** An object of the Prometheus operator, made only where the cluster knows its kind. */
const monitor = (what: string) =>
  z
    .strictObject({
      enabled: z.boolean().default(true),
      labels: labels.default({}).describe('What your Prometheus selects by, such as `release`.'),
    })
    .prefault({})
    .describe(what);

const monitoring = z
  .strictObject({
    dashboard: z
      .strictObject({
        enabled: z.boolean().default(true),
        labels: labels.default({ grafana_dashboard: '1' }).describe("What Grafana's sidecar looks for."),
        annotations: labels.default({}).describe('Such as the folder that Grafana puts it into.'),
      })
      .prefault({})
      .describe('A ConfigMap with the Grafana dashboard.'),
    interval: interval.describe('How often metrics are read.'),
    serviceMonitor: monitor('Metrics of the operator; where the cluster has ServiceMonitors.'),
    podMonitor: monitor('Metrics of sidecars in all namespaces; where the cluster has PodMonitors.'),
    prometheusRule: monitor('Alerts; where the cluster has PrometheusRules.'),
  })
  .prefault({});

/** Values of the chart: the only source of values.yaml and values.schema.json. A name that is not here is refused. */
export const chartValues = z.strictObject({
  global: asIs.default({}).describe('Of charts that include this one; not used here.'),
  image: image.describe('Where the programs come from.'),
  credentialNamespaces: z
    .array(namespace)
    .default([])
    .describe(
      'Namespaces of budgets with credentials: only there the operator may read Secrets. They must exist. Empty: the namespace of the release.',
    ),
  allowedSapHosts: z
    .array(z.string().regex(/^[^,\s]+$/))
    .default([])
    .describe(
      "Hosts (host, host:port or .suffix) beside SAP's own that a service key may name; these may be plain http.",
    ),
  operator: operator.describe('The operator.'),
  sidecar: sidecar.describe('What is put into pods.'),
  webhook: z
    .strictObject({
      url: origin(
        'Where the API server reaches the webhook if it cannot resolve Services; empty: its Service.',
      ),
      servicePort: z
        .int()
        .min(1)
        .max(65_535)
        .default(443)
        .describe(
          'Port of the Service at which the API server asks; 9443 and 9444 are taken by sidecars and metrics.',
        ),
      podPolicy: z
        .boolean()
        .default(true)
        .describe(
          'A ValidatingAdmissionPolicy that guards sidecars also against later changes (Kubernetes 1.30).',
        ),
    })
    .prefault({})
    .describe('How the API server asks about new pods.'),
  monitoring: monitoring.describe('Metrics, dashboard and alerts.'),
  crds: z
    .strictObject({
      install: z.boolean().default(true).describe('Install and upgrade the CRDs with the release.'),
      keep: z
        .boolean()
        .default(true)
        .describe('Leave the CRDs, and with them budgets and ledgers, when the release is uninstalled.'),
    })
    .prefault({})
    .describe('Definitions of all kinds: budgets, rate cards, ledgers with their pages, statements.'),
});
