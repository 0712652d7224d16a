import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { readConfig } from '../../sidecar/config.ts';
import { injectPod } from './inject.ts';
import { podPatch } from './json-patch.ts';
import { sidecarName, sidecarOrigin, sidecarPorts } from './names.ts';
import { podSchema } from './pod.ts';
import type { Container, Pod } from './pod.ts';
import { selectBudgets } from './selection.ts';
import type { InjectionSettings } from './settings.ts';
import { validatePod } from './validate.ts';

const testdata = join(import.meta.dirname, 'testdata');
const cases = readdirSync(testdata)
  .filter((file) => file.endsWith('.pod.yaml'))
  .map((file) => file.replace('.pod.yaml', ''));

const settings: InjectionSettings = {
  image: 'registry.example/sap-ai-budget:0.1.0',
  command: ['node', '/app/sidecar/main.ts'],
  operatorUrl: 'https://sap-ai-budget.sap-ai-budget.svc:9443',
  resources: { requests: { cpu: '20m', memory: '96Mi' }, limits: { memory: '256Mi' } },
  journalSizeLimit: '16Mi',
  logLevel: 'info',
};
const namespaceLabels = { 'sapai.eerly.ai/budget': 'of-the-namespace' };
const newAppKey = 'k'.repeat(43);

function readPod(name: string): Pod {
  return podSchema.parse(parse(readFileSync(join(testdata, `${name}.pod.yaml`), 'utf8')));
}

function inject(pod: Pod, key = newAppKey): { pod: Pod; warnings: string[] } {
  const { labels = {}, annotations = {} } = pod.metadata;
  const selected = selectBudgets({ namespace: 'team-a', labels, annotations, namespaceLabels });
  if ('refusal' in selected) throw new Error(selected.refusal.message);
  return injectPod(pod, settings, { budgets: selected.budgets, resourceGroup: 'default', newAppKey: key });
}

function envOf(container: Container | undefined): Record<string, string | undefined> {
  return Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));
}

describe('injection', () => {
  test.each(cases)('of the pod %s gives the pod that is stored', async (name) => {
    const { pod, warnings } = inject(readPod(name));
    const golden = stringify(
      { warnings, apiVersion: pod.apiVersion, kind: pod.kind, ...pod },
      { lineWidth: 0, aliasDuplicateObjects: false },
    );
    await expect(golden).toMatchFileSnapshot(`testdata/${name}.injected.yaml`);
  });

  test.each(cases)('of the pod %s is over after the first time, even with another new key', (name) => {
    const once = inject(readPod(name)).pod;
    const twice = inject(once, 'n'.repeat(43));
    expect(twice.pod).toEqual(once);
    expect(podPatch(once, twice.pod)).toEqual([]);
    expect(twice.warnings).toEqual([]);
    expect(validatePod(once)).toEqual([]);
  });

  test.each(cases)('of the pod %s leaves the pod it was given alone', (name) => {
    const pod = readPod(name);
    inject(pod);
    expect(pod).toEqual(readPod(name));
  });

  test.each(cases)('of the pod %s is the patch applied to it', (name) => {
    const before = readPod(name);
    const after = inject(before).pod;
    const spec: Record<string, unknown> = { ...before.spec };
    for (const { path, value } of podPatch(before, after)) spec[path.replace('/spec/', '')] = value;
    expect({ ...before, spec }).toEqual(after);
  });

  test('writes what the sidecar reads as its settings', () => {
    const [sidecar] = inject(readPod('plain')).pod.spec.initContainers ?? [];
    expect(sidecar?.name).toBe(sidecarName);
    expect(readConfig(envOf(sidecar))).toMatchObject({
      listen: { host: '127.0.0.1', port: sidecarPorts.application },
      adminListen: { host: '0.0.0.0', port: sidecarPorts.admin },
      operatorUrl: settings.operatorUrl,
      caFile: '/etc/sap-ai-budget/ca/ca.crt',
      tokenFile: '/var/run/secrets/sapai.eerly.ai/token',
      journalDir: '/var/lib/sap-ai-budget',
      appKey: newAppKey,
    });
  });

  test.each([
    { grace: undefined, drainMs: 25_000 },
    { grace: 600, drainMs: 595_000 },
    { grace: 3, drainMs: 1000 },
    { grace: 0, drainMs: 1000 },
    { grace: 100_000, drainMs: 3_600_000 },
  ])('lets the sidecar drain within a grace period of $grace', ({ grace, drainMs }) => {
    const { spec, ...pod } = readPod('plain');
    const changed = { ...pod, spec: { ...spec, terminationGracePeriodSeconds: grace } };
    const [sidecar] = inject(changed).pod.spec.initContainers ?? [];
    expect(readConfig(envOf(sidecar))).toMatchObject({ drainMs });
  });

  test('gives every container the key of its own sidecar and no other', () => {
    const { containers, initContainers = [] } = inject(readPod('several-budgets')).pod.spec;
    const key = envOf(initContainers[0])['SAPAIBUDGET_APP_KEY'];
    for (const container of [...containers, ...initContainers.slice(1)]) {
      const env = envOf(container);
      expect(JSON.parse(env['AICORE_SERVICE_KEY'] ?? '')).toMatchObject({
        clientid: `customer-b.${key}`,
        clientsecret: key,
        url: sidecarOrigin,
        serviceurls: { AI_API_URL: sidecarOrigin },
      });
      expect(env['OPENAI_API_KEY']).toBe(`customer-b.${key}`);
    }
  });

  test.each(['short', `${'k'.repeat(40)}.${'k'.repeat(40)}`, `${'k'.repeat(40)} `])(
    'replaces a key that is none of ours (%s)',
    (bad) => {
      const { pod } = inject(readPod('plain'));
      const [sidecar, ...rest] = pod.spec.initContainers ?? [];
      const env = (sidecar?.env ?? []).map((entry) =>
        entry.name === 'SAPAIBUDGET_APP_KEY' ? { ...entry, value: bad } : entry,
      );
      const tampered = { ...sidecar, name: sidecarName, env };
      const again = inject({ ...pod, spec: { ...pod.spec, initContainers: [tampered, ...rest] } });
      expect(again.pod).toEqual(pod);
    },
  );
});
