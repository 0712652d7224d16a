import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import { chartValues } from '../../charts/values.ts';
import { readConfig } from '../../operator/config.ts';
import { isRecord } from '../../operator/kube/resource.ts';
import { ensureHelm, helmMajors, runHelm } from './helm.ts';
import type { HelmMajor, HelmResult } from './helm.ts';

const chart = join(import.meta.dirname, '../../charts/sap-ai-budget');
const buildMs = 1_800_000;
/** A Helm that was built with Go alone knows no Kubernetes version. */
const cluster = [
  '--kube-version=1.35.0',
  '--api-versions=admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy',
];
/** Kinds of the Prometheus operator. */
const monitors = ['ServiceMonitor', 'PodMonitor', 'PrometheusRule'];
const withMonitors = monitors.map((kind) => `--api-versions=monitoring.coreos.com/v1/${kind}`);
/** Turns everything that watches on or off. */
const watching = (on: boolean): string[] =>
  ['dashboard', 'serviceMonitor', 'podMonitor', 'prometheusRule'].map(
    (name) => `--set=monitoring.${name}.enabled=${on}`,
  );

const object = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) });
const deployment = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        containers: z.array(
          z.object({ env: z.array(z.object({ name: z.string(), value: z.string().optional() })) }),
        ),
      }),
    }),
  }),
});
type Manifest = z.infer<typeof object>;

const dashboardName = 'sap-ai-budget-dashboard';
const helms = new Map<HelmMajor, string>();
let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'sap-ai-budget-helm-'));
  for (const major of helmMajors) helms.set(major, await ensureHelm(major, { say: console.error }));
}, buildMs);
afterAll(() => rm(home, { recursive: true, force: true }));

function helm(major: HelmMajor, ...args: string[]): Promise<HelmResult> {
  return runHelm(helms.get(major) ?? '', args, { home });
}

function read(folder: string, name: string): string {
  return readFileSync(join(chart, folder, name), 'utf8');
}

async function template(major: HelmMajor, ...args: string[]): Promise<Manifest[]> {
  const { stdout, stderr, exitCode } = await helm(
    major,
    'template',
    'release',
    chart,
    '--namespace=budgets',
    ...cluster,
    ...args,
  );
  if (exitCode !== 0) throw new Error(stderr);
  const objects = parseAllDocuments(stdout).map((document): unknown => document.toJS());
  return objects
    .map((one) => object.parse(one))
    .sort((a, b) => `${a.kind}/${a.metadata.name}`.localeCompare(`${b.kind}/${b.metadata.name}`));
}

function golden(objects: Manifest[]): string {
  // CRDs, dashboard and alerts have files of their own, with tests of their own.
  const own = objects.filter(
    ({ kind, metadata }) =>
      kind !== 'CustomResourceDefinition' && kind !== 'PrometheusRule' && metadata.name !== dashboardName,
  );
  return own.map((one) => stringify(one, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');
}

const everything = join(import.meta.dirname, 'testdata', 'everything.values.yaml');

describe.each(helmMajors)('Helm %i', (major) => {
  test.each([[], [`--values=${everything}`]])('finds nothing to complain about (%s)', async (...values) => {
    const { exitCode, stdout } = await helm(major, 'lint', '--strict', chart, ...values);
    expect(stdout).toContain('0 chart(s) failed');
    expect(exitCode).toBe(0);
  });

  test('renders the objects that are stored, from no values', async () => {
    await expect(golden(await template(major))).toMatchFileSnapshot('testdata/default.golden.yaml');
  });

  test('renders the objects that are stored, from all values', async () => {
    const objects = await template(major, ...withMonitors, `--values=${everything}`, ...watching(true));
    await expect(golden(objects)).toMatchFileSnapshot('testdata/everything.golden.yaml');
  });

  test.each([
    { what: 'a typo', set: 'operator.leaseSecond=60', says: "'leaseSecond' not allowed", where: '/operator' },
    { what: 'a typo at the top', set: 'webhok.url=x', says: "'webhok' not allowed", where: "''" },
    {
      what: 'a number too small',
      set: 'operator.leaseSeconds=1',
      says: 'minimum',
      where: '/operator/leaseSeconds',
    },
    {
      what: 'a word for a number',
      set: 'operator.refreshSeconds=often',
      says: 'want integer',
      where: '/operator/refreshSeconds',
    },
    {
      what: 'a level that is none',
      set: 'sidecar.logLevel=loud',
      says: 'value must be one of',
      where: '/sidecar/logLevel',
    },
    {
      what: 'an amount that is none',
      set: 'sidecar.journalSizeLimit=big',
      says: 'does not match pattern',
      where: '/sidecar/journalSizeLimit',
    },
    {
      what: 'a URL without TLS',
      set: 'webhook.url=http://x',
      says: 'does not match pattern',
      where: '/webhook/url',
    },
    {
      what: 'a port that is none',
      set: 'webhook.servicePort=70000',
      says: 'maximum',
      where: '/webhook/servicePort',
    },
    {
      what: 'a URL with a path',
      set: 'sidecar.operatorUrl=https://x/y',
      says: 'does not match pattern',
      where: '/sidecar/operatorUrl',
    },
  ])('refuses $what, and says where', async ({ set, says, where }) => {
    const { exitCode, stderr } = await helm(major, 'template', 'release', chart, ...cluster, `--set=${set}`);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(where);
    expect(stderr).toContain(says);
  });

  test('refuses a cluster that has no native sidecars', async () => {
    const { exitCode, stderr } = await helm(major, 'template', 'release', chart, '--kube-version=1.28.0');
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('>=1.29.0-0');
  });

  test('renders the dashboard as Grafana reads it, and alerts with what Prometheus fills in', async () => {
    const objects = await template(major, ...withMonitors);
    const dashboard = objects.find(({ metadata }) => metadata.name === dashboardName);
    const files = readdirSync(join(chart, 'dashboards')).map((name) => [name, read('dashboards', name)]);
    expect(dashboard?.metadata['labels']).toMatchObject({ grafana_dashboard: '1' });
    expect(dashboard?.['data']).toEqual(Object.fromEntries(files));
    const rule = objects.find(({ kind }) => kind === 'PrometheusRule');
    expect(rule?.['spec']).toEqual(parse(read('alerts', 'sap-ai-budget.yaml')));
  });

  test('renders nothing of the Prometheus operator for a cluster without, and no dashboard for who wants none', async () => {
    const kinds = (await template(major)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => monitors.includes(kind))).toEqual([]);
    const objects = await template(major, ...withMonitors, ...watching(false));
    const left = objects.filter(
      ({ kind, metadata }) => monitors.includes(kind) || metadata.name === dashboardName,
    );
    expect(left).toEqual([]);
  });

  test.each([
    { keep: true, annotations: { 'helm.sh/resource-policy': 'keep' } },
    { keep: false, annotations: undefined },
  ])('renders CRDs that an upgrade changes, kept at the end or not (%o)', async ({ keep, annotations }) => {
    const objects = await template(major, `--set=crds.keep=${keep}`);
    const crds = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
    expect(crds.map(({ metadata }) => metadata.name)).toEqual([
      'sapaibudgets.sapai.eerly.ai',
      'sapailedgerpages.sapai.eerly.ai',
      'sapailedgers.sapai.eerly.ai',
      'sapairatecards.sapai.eerly.ai',
      'sapaistatements.sapai.eerly.ai',
    ]);
    expect(crds.map(({ metadata }) => metadata['annotations'])).toEqual(crds.map(() => annotations));
  });

  test('renders no CRDs for whoever installs them otherwise, and no policy for a cluster without', async () => {
    const { stdout } = await helm(
      major,
      'template',
      'release',
      chart,
      '--kube-version=1.29.0',
      '--set=crds.install=false',
    );
    expect(stdout).not.toMatch(/kind: (CustomResourceDefinition|ValidatingAdmissionPolicy)/);
    expect(stdout).toContain('kind: MutatingWebhookConfiguration');
  });
});

test.each([
  { values: 'no values', args: [] },
  { values: 'all values', args: [`--values=${everything}`] },
])('the operator starts with the settings that $values give it', async ({ args }) => {
  const found = (await template(4, ...args)).find(({ kind }) => kind === 'Deployment');
  const env = deployment.parse(found).spec.template.spec.containers[0]?.env ?? [];
  const fields: Record<string, string> = { SAPAIBUDGET_REPLICA_IP: '10.1.2.3' };
  const settings = Object.fromEntries(
    env.map(({ name, value }) => [name, value ?? fields[name] ?? 'budgets']),
  );
  const config = readConfig(settings);
  expect(config.injection?.command).toBeDefined();
  const operator = new URL(config.injection?.operatorUrl ?? '');
  expect(config.advertisedNames).toContain(operator.hostname);
  expect(config.advertisedNames).toContain('sap-ai-budget-operator.budgets.svc');
});

describe('every value', () => {
  const values = singles(parse(readFileSync(everything, 'utf8')));

  test('is among those that are tried', () => {
    const tried = values.map(({ path }) => path);
    const missing = singles(chartValues.parse({})).filter(
      ({ path }) => !tried.some((one) => one.startsWith(path)),
    );
    expect(missing).toEqual([]);
  });

  test.each(values.filter(({ path }) => !path.startsWith('global')))(
    'alone changes something: $path',
    async ({ path, only }) => {
      const file = join(home, `${path.replaceAll('/', '_')}.yaml`);
      await writeFile(file, stringify(only));
      const plain = JSON.stringify(await template(4, ...withMonitors));
      const changed = JSON.stringify(await template(4, ...withMonitors, `--values=${file}`));
      expect(changed).not.toBe(plain);
    },
  );
});

/** Each value by itself: its path, and an object that holds nothing else. */
function singles(value: unknown, keys: readonly string[] = []): { path: string; only: unknown }[] {
  const entries = isRecord(value) ? Object.entries(value) : [];
  if (entries.length > 0) return entries.flatMap(([key, below]) => singles(below, [...keys, key]));
  const only = keys.reduceRight<unknown>((below, key) => ({ [key]: below }), value);
  return [{ path: keys.join('.'), only }];
}
