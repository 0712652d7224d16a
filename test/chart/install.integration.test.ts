import { appendFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startControlPlane } from '../control-plane/start.ts';
import type { ControlPlane } from '../control-plane/start.ts';
import { ensureHelm, helmMajors, runHelm } from './helm.ts';

const chart = join(import.meta.dirname, '../../charts/sap-ai-budget');
const buildMs = 1_800_000;
const release = 'budgets';
const budget = {
  apiVersion: 'sapai.eerly.ai/v1alpha1',
  kind: 'SapAiBudget',
  metadata: { name: 'chat' },
  spec: { aiCore: { serviceKeySecretRef: { name: 'aicore-key' } }, monthlyLimit: '100' },
};
const clusterWide =
  'clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings';

let controlPlane: ControlPlane;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sap-ai-budget-chart-'));
  controlPlane = await startControlPlane();
});
afterAll(async () => {
  await controlPlane.stop();
  await rm(dir, { recursive: true, force: true });
});

/** The chart of a later version, with another column in the first CRD and a value that there was not. */
async function laterChart(): Promise<string> {
  const later = await mkdtemp(join(dir, 'later-'));
  await cp(chart, later, { recursive: true });
  const crds = join(later, 'templates', 'crds.yaml');
  const column =
    'additionalPrinterColumns:\n        - name: Added\n          type: string\n          jsonPath: .spec.added';
  const edited = (await readFile(crds, 'utf8')).replace('additionalPrinterColumns:', column);
  await writeFile(crds, edited);
  await addValue(later);
  const file = join(later, 'Chart.yaml');
  await writeFile(file, (await readFile(file, 'utf8')).replace(/^version: .*/m, 'version: 0.2.0'));
  return later;
}

/** A value `added`, which a ConfigMap shows beside one of the present values. */
async function addValue(later: string): Promise<void> {
  const [values, schema] = [join(later, 'values.yaml'), join(later, 'values.schema.json')];
  await appendFile(values, 'added: later\n');
  const changed = (await readFile(schema, 'utf8')).replace(
    '"properties": {',
    '"properties": { "added": { "type": "string" },',
  );
  await writeFile(schema, changed);
  const data = 'added: {{ .Values.added }}\n  logLevel: {{ .Values.operator.logLevel }}';
  const map = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: added }\ndata:\n  ${data}\n`;
  await writeFile(join(later, 'templates', 'added.yaml'), map);
}

async function kubectl(args: string[], input?: string): Promise<string> {
  const options = input === undefined ? {} : { input };
  const { exitCode, stdout, stderr } = await controlPlane.kubectlRun(args, options);
  if (exitCode !== 0) throw new Error(stderr);
  return stdout.trim();
}

/** Columns of budgets as the CRD in the cluster has them. */
function columns(): Promise<string> {
  const path = '{.spec.versions[0].additionalPrinterColumns[*].name}';
  return kubectl(['get', 'crd', 'sapaibudgets.sapai.eerly.ai', `-o=jsonpath=${path}`]);
}

/** What the release owns beside what lies in namespaces. */
function owned(): Promise<string> {
  return kubectl(['get', clusterWide, '-l', `app.kubernetes.io/instance=${release}`, '-o', 'name']);
}

describe.each(helmMajors)('Helm %i', (major) => {
  let path: string;
  let namespace: string;

  beforeAll(async () => {
    path = await ensureHelm(major, { say: console.error });
    namespace = await controlPlane.createNamespace({ prefix: 'release' });
  }, buildMs);

  async function helm(...args: string[]): Promise<string> {
    const kubeconfig = controlPlane.kubeconfigPath('admin');
    const { exitCode, stdout, stderr } = await runHelm(path, ['--namespace', namespace, ...args], {
      kubeconfig,
      home: dir,
    });
    if (exitCode !== 0) throw new Error(stderr);
    return stdout;
  }
  test('installs into an empty cluster and says what comes next', async () => {
    const said = await helm('install', release, chart, '--set=operator.logLevel=debug');
    expect(said).toContain(`kubectl -n ${namespace} rollout status deployment/sap-ai-budget-operator`);
    expect(said).toContain(`kubectl -n ${namespace} create secret generic aicore-key`);
    expect((await owned()).split('\n')).toEqual([
      'clusterrole.rbac.authorization.k8s.io/sap-ai-budget-operator',
      'clusterrolebinding.rbac.authorization.k8s.io/sap-ai-budget-operator',
      'mutatingwebhookconfiguration.admissionregistration.k8s.io/sap-ai-budget',
      'validatingadmissionpolicy.admissionregistration.k8s.io/sap-ai-budget-authors',
      'validatingadmissionpolicy.admissionregistration.k8s.io/sap-ai-budget-pods',
      'validatingadmissionpolicybinding.admissionregistration.k8s.io/sap-ai-budget-authors',
      'validatingadmissionpolicybinding.admissionregistration.k8s.io/sap-ai-budget-pods',
    ]);
    await kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
  });

  test("the manifest it talks about is one that the cluster takes, and the policies' rules are well typed", async () => {
    await kubectl(['apply', '-n', namespace, '-f', '-'], JSON.stringify(budget));
    const isChecked = ['wait', '--for=jsonpath={.status.observedGeneration}=1', '--timeout=30s'];
    const warnings = '-o=jsonpath={.status.typeChecking.expressionWarnings}';
    for (const name of ['sap-ai-budget-pods', 'sap-ai-budget-authors']) {
      const policy = `validatingadmissionpolicy/${name}`;
      await kubectl([...isChecked, policy]);
      expect(await kubectl(['get', policy, warnings])).toBe('');
    }
  });

  test('an upgrade changes the CRDs, keeps what was set, takes new values, and leaves the CA of the webhook alone', async () => {
    expect(await columns()).not.toContain('Added');
    const certificate = await readFile(controlPlane.caFile);
    const webhooks = ['pod.inject.sapai.eerly.ai', 'namespace.inject.sapai.eerly.ai'].map((name) => ({
      name,
      clientConfig: { caBundle: certificate.toString('base64') },
    }));
    const applied = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'sap-ai-budget' },
      webhooks,
    };
    await kubectl(
      ['apply', '--server-side', '--field-manager=sapaibudget-operator', '-f', '-'],
      JSON.stringify(applied),
    );
    await helm('upgrade', release, await laterChart(), '--reset-then-reuse-values');
    expect(await columns()).toContain('Added');
    const added = await kubectl(['get', 'configmap', 'added', '-n', namespace, '-o=jsonpath={.data}']);
    expect(JSON.parse(added)).toEqual({ added: 'later', logLevel: 'debug' });
    const kept = await kubectl([
      'get',
      'mutatingwebhookconfiguration',
      'sap-ai-budget',
      '-o=jsonpath={.webhooks[*].clientConfig.caBundle}',
    ]);
    const bundles = kept.split(' ').map((one) => Buffer.from(one, 'base64').toString('utf8'));
    expect(bundles).toEqual([certificate.toString('utf8'), certificate.toString('utf8')]);
  });

  test('an uninstall removes what guards and grants, and leaves budgets and their CRDs', async () => {
    await helm('uninstall', release);
    expect(await owned()).toBe('');
    expect(
      await kubectl([
        'get',
        'all,roles,rolebindings',
        '-n',
        namespace,
        '-l',
        `app.kubernetes.io/instance=${release}`,
        '-o',
        'name',
      ]),
    ).toBe('');
    expect(await kubectl(['get', 'saib', '-n', namespace, '-o', 'name'])).toBe(
      'sapaibudget.sapai.eerly.ai/chat',
    );
  });

  test('a second installation finds them again', async () => {
    await helm('install', release, chart);
    expect(await columns()).not.toContain('Added');
    expect(await kubectl(['get', 'saib', '-n', namespace, '-o', 'name'])).toBe(
      'sapaibudget.sapai.eerly.ai/chat',
    );
  });

  test('it removes the CRDs, and with them all budgets, only for whoever says so', async () => {
    await helm('upgrade', release, chart, '--set=crds.keep=false');
    await helm('uninstall', release);
    // The API server looks for what is left of each kind before it lets go of its definition, where that was made just now
    // with pauses that grow to minutes. A definition that changes is looked at again at once.
    let looks = 0;
    const look = async (): Promise<string> => {
      looks += 1;
      await kubectl(['annotate', 'crd', '--all', '--overwrite', `looks=${looks}`]).catch(() => undefined);
      return kubectl(['get', 'crd', '-o', 'name']);
    };
    await expect.poll(look, { timeout: 120_000, interval: 1000 }).not.toContain('sapai.eerly.ai');
  }, 180_000);

  test('a namespace for credentials that is not there is named', async () => {
    // Without CRDs: deleting those that have just been made again can take the API server a minute.
    const values = ['--set=credentialNamespaces={nowhere}', '--set=crds.install=false'];
    await expect(helm('install', release, chart, ...values)).rejects.toThrow(
      /namespaces "nowhere" not found/,
    );
    await helm('uninstall', release);
  });
});
