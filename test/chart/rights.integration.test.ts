import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { nanoPerCu } from '../../accounting/amount.ts';
import { ledgerOf } from '../../operator/testing/budget-world.ts';
import { podCalls, takeLease } from '../../operator/testing/sidecar-calls.ts';
import { eventually } from '../control-plane/eventually.ts';
import { startEmulator } from '../sap-emulator/emulator.ts';
import type { Emulator } from '../sap-emulator/emulator.ts';
import { installOperator } from './installed-operator.ts';
import type { InstalledOperator } from './installed-operator.ts';

const waitMs = 30_000;
const buildMs = 1_800_000;
const conditions = z.object({
  status: z.object({
    conditions: z.array(
      z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() }),
    ),
  }),
});
const label = 'sapai.eerly.ai/budget';

let installed: InstalledOperator;
let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator();
  installed = await installOperator();
}, buildMs);
afterAll(async () => {
  await installed?.stop();
  await emulator?.close();
});

async function kubectl(args: string[], input?: object): Promise<string> {
  const options = input === undefined ? {} : { input: JSON.stringify(input) };
  const { exitCode, stdout, stderr } = await installed.controlPlane.kubectlRun(args, options);
  if (exitCode !== 0) throw new Error(stderr);
  return stdout.trim();
}

async function putBudget(namespace: string): Promise<void> {
  const keys = {
    'aicore-key': emulator.serviceKey(),
    'usage-key': emulator.usageKey(),
    'sm-key': emulator.serviceManagerKey(),
  };
  const items = [
    ...Object.entries(keys).map(([name, key]) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name },
      stringData: { key: JSON.stringify(key) },
    })),
    {
      apiVersion: 'sapai.eerly.ai/v1alpha1',
      kind: 'SapAiBudget',
      metadata: { name: 'main' },
      spec: {
        aiCore: { serviceKeySecretRef: { name: 'aicore-key' } },
        usage: {
          serviceKeySecretRef: { name: 'usage-key' },
          subaccountId: emulator.serviceKey().identityzoneid,
        },
        serviceManager: { serviceKeySecretRef: { name: 'sm-key' } },
        monthlyLimit: '100',
      },
    },
  ];
  await kubectl(['apply', '-n', namespace, '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
}

async function condition(namespace: string, wanted: { type: string; reason: string }): Promise<string> {
  const found = await eventually(
    async () => {
      const read = conditions.safeParse(
        JSON.parse(await kubectl(['get', 'saib', 'main', '-n', namespace, '-o', 'json'])),
      );
      const all = read.success ? read.data.status.conditions : [];
      return all.find(({ type, reason }) => type === wanted.type && reason === wanted.reason);
    },
    { what: `${wanted.type} ${wanted.reason}`, timeoutMs: waitMs },
  );
  return found.message;
}

async function may({
  verb,
  what,
  where,
}: {
  verb: string;
  what: string;
  where: 'release' | 'credentials' | 'elsewhere';
}): Promise<string> {
  const { namespace, credentialNamespace, controlPlane } = installed;
  const namespaces = { release: namespace, credentials: credentialNamespace, elsewhere: 'default' };
  const as = `--as=system:serviceaccount:${namespace}:sap-ai-budget-operator`;
  const { stdout } = await controlPlane.kubectlRun([
    'auth',
    'can-i',
    verb,
    what,
    '-n',
    namespaces[where],
    as,
  ]);
  return stdout.trim();
}

function plainPod(name: string, labels: Record<string, string> = {}): object {
  const spec = { containers: [{ name: 'app', image: 'app' }] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec };
}

/** A pod with a sidecar, as soon as the API server trusts the webhook. */
async function untilInjected(namespace: string): Promise<void> {
  const pod = plainPod('probe', { [label]: 'main' });
  await eventually(
    async () => {
      const { exitCode } = await installed.controlPlane.kubectlRun(
        ['create', '--dry-run=server', '-n', namespace, '-f', '-'],
        { input: JSON.stringify(pod) },
      );
      return exitCode === 0 ? true : undefined;
    },
    { what: 'the API server to trust the webhook', timeoutMs: waitMs },
  );
}

describe("with the chart's rights and no others", () => {
  test('the operator makes a budget ready and spends from it for a pod that it injected', async () => {
    const { credentialNamespace: namespace, controlPlane } = installed;
    await putBudget(namespace);
    await condition(namespace, { type: 'Ready', reason: 'Ready' });
    await untilInjected(namespace);
    const calls = await podCalls(installed, { controlPlane, namespace });
    const ledgerUid = await ledgerOf(calls);
    const { incarnation } = await takeLease(calls, { ledgerUid, amount: nanoPerCu });
    expect((await calls.token({ ledgerUid, incarnation })).status).toBe(200);
    await calls.close();
    const pods = await kubectl([
      'get',
      'pods',
      '-n',
      namespace,
      '-o=jsonpath={.items[*].spec.initContainers[*].name}',
    ]);
    expect(pods).toBe('sap-ai-budget');
    const map = await kubectl([
      'get',
      'configmap',
      'sap-ai-budget-ca',
      '-n',
      namespace,
      '-o=jsonpath={.data}',
    ]);
    expect(map).toContain('BEGIN CERTIFICATE');
  });

  test('it has read the billed usage and the entitlement, and written a statement', async () => {
    const { credentialNamespace: namespace } = installed;
    await condition(namespace, { type: 'UsageSynced', reason: 'UsageSynced' });
    await condition(namespace, { type: 'Entitled', reason: 'Entitled' });
    const columns = '-o=jsonpath={.items[*].spec.budget} {.items[*].status.totals.billed}';
    expect(await kubectl(['get', 'sais', '-n', namespace, columns])).toBe('main 0');
  });

  test('it has written the default rate card, its condition, and events', async () => {
    const card = await kubectl([
      'get',
      'sapairatecard',
      'default',
      '-o=jsonpath={.status.conditions[0].type}',
    ]);
    expect(card).toBe('Ready');
    const { credentialNamespace: namespace } = installed;
    await kubectl([
      'patch',
      'saib',
      'main',
      '-n',
      namespace,
      '--type=merge',
      '-p',
      '{"spec":{"monthlyLimit":"0"}}',
    ]);
    await condition(namespace, { type: 'Exhausted', reason: 'BudgetExhausted' });
    await eventually(
      async () => {
        const events = await kubectl(['get', 'events', '-n', namespace, '-o=jsonpath={.items[*].reason}']);
        return events.includes('BudgetExhausted') ? true : undefined;
      },
      { what: 'the event', timeoutMs: waitMs },
    );
    await kubectl([
      'patch',
      'saib',
      'main',
      '-n',
      namespace,
      '--type=merge',
      '-p',
      '{"spec":{"monthlyLimit":"100"}}',
    ]);
  });

  test('a budget elsewhere is told that its Secret may not be read', async () => {
    const namespace = await installed.controlPlane.createNamespace({ prefix: 'elsewhere' });
    await putBudget(namespace);
    const message = await condition(namespace, { type: 'CredentialsValid', reason: 'SecretForbidden' });
    expect(message).toContain(`"aicore-key" in namespace "${namespace}"`);
    await kubectl(['delete', 'saib', 'main', '-n', namespace]);
  });

  test('nothing else was refused to it', () => {
    const refused = installed.logged.filter(
      (line) => /forbidden/i.test(line) && !line.includes('SecretForbidden'),
    );
    expect(refused).toEqual([]);
  });

  test.each([
    { verb: 'get', what: 'secrets', where: 'elsewhere' },
    { verb: 'list', what: 'secrets', where: 'elsewhere' },
    { verb: 'get', what: 'secrets/aicore-key', where: 'release' },
    { verb: 'list', what: 'secrets', where: 'release' },
    { verb: 'update', what: 'secrets', where: 'credentials' },
    { verb: 'create', what: 'secrets', where: 'credentials' },
    { verb: 'get', what: 'configmaps', where: 'elsewhere' },
    { verb: 'create', what: 'configmaps', where: 'elsewhere' },
    { verb: 'patch', what: 'configmaps/kube-root-ca.crt', where: 'elsewhere' },
    { verb: 'watch', what: 'pods', where: 'elsewhere' },
    { verb: 'delete', what: 'pods', where: 'elsewhere' },
    { verb: 'update', what: 'sapaibudgets.sapai.eerly.ai', where: 'credentials' },
    { verb: 'delete', what: 'sapailedgers.sapai.eerly.ai', where: 'credentials' },
    { verb: 'deletecollection', what: 'sapailedgers.sapai.eerly.ai', where: 'release' },
    { verb: 'delete', what: 'sapaistatements.sapai.eerly.ai', where: 'credentials' },
    { verb: 'get', what: 'sapailedgers.sapai.eerly.ai', where: 'elsewhere' },
    { verb: 'patch', what: 'mutatingwebhookconfigurations/z-mesh', where: 'release' },
    { verb: 'create', what: 'mutatingwebhookconfigurations', where: 'release' },
  ] as const)('it may not $verb $what ($where)', async (right) => {
    expect(await may(right)).toBe('no');
  });

  test.each([
    { verb: 'update', what: 'secrets/sap-ai-budget-certificates', where: 'release' },
    { verb: 'delete', what: 'sapailedgers.sapai.eerly.ai', where: 'release' },
    { verb: 'patch', what: 'events.events.k8s.io', where: 'elsewhere' },
    { verb: 'create', what: 'configmaps/sap-ai-budget-ca', where: 'elsewhere' },
  ] as const)('it may $verb $what ($where), which is seldom needed', async (right) => {
    expect(await may(right)).toBe('yes');
  });
});

describe('the policy about authors', () => {
  const as = ['--as=ada@example.com'];
  let namespace: string;

  beforeAll(async () => {
    namespace = await installed.controlPlane.createNamespace({ prefix: 'authors' });
    await kubectl([
      'create',
      'role',
      'budgets',
      '-n',
      namespace,
      '--verb=get,patch',
      '--resource=sapaibudgets.sapai.eerly.ai',
    ]);
    await kubectl([
      'create',
      'rolebinding',
      'budgets',
      '-n',
      namespace,
      '--role=budgets',
      '--user=ada@example.com',
    ]);
    await putBudget(namespace);
  });

  const raise = (author: string): Promise<string> => {
    const raises = [{ capacityUnits: '5', until: '2099-01-01T00:00:00Z', reason: 'launch', author }];
    const patch = JSON.stringify({ spec: { raises } });
    return kubectl(['patch', 'saib', 'main', '-n', namespace, ...as, '--type=merge', '-p', patch]);
  };
  const annotate = (...annotations: string[]): Promise<string> =>
    kubectl(['annotate', '--overwrite', 'saib', 'main', '-n', namespace, ...as, ...annotations]);

  test('a raise names who makes it, and stays as it is when somebody else changes the budget', async () => {
    await expect(raise('somebody@example.com')).rejects.toThrow(
      /author of a new or changed raise must be your own/,
    );
    expect(await raise('ada@example.com')).toContain('patched');
    const patch = '{"spec":{"monthlyLimit":"7"}}';
    expect(await kubectl(['patch', 'saib', 'main', '-n', namespace, '--type=merge', '-p', patch])).toContain(
      'patched',
    );
  });

  test('who may not approve cannot release, and who may does so by the own name', async () => {
    const release = 'sapai.eerly.ai/release=pod:a@1 held=1 spent=0';
    await expect(annotate(release)).rejects.toThrow(/named by the annotation sapai.eerly.ai\/approved-by/);
    const own = 'sapai.eerly.ai/approved-by=ada@example.com';
    await expect(annotate(release, own)).rejects.toThrow(/the verb approve on sapaibudgets is needed/);
    await kubectl([
      'create',
      'role',
      'approve',
      '-n',
      namespace,
      '--verb=approve',
      '--resource=sapaibudgets.sapai.eerly.ai',
    ]);
    await kubectl([
      'create',
      'rolebinding',
      'approve',
      '-n',
      namespace,
      '--role=approve',
      '--user=ada@example.com',
    ]);
    const { what, timeoutMs } = { what: 'the role to count', timeoutMs: waitMs };
    await eventually(() => annotate(release, own).catch(() => undefined), { what, timeoutMs });
    await expect(annotate(release, 'sapai.eerly.ai/approved-by=bob@example.com')).rejects.toThrow(
      /your own user name/,
    );
    expect(await annotate('other=note')).toContain('annotated');
  });
});

describe('the policy guards a sidecar after its pod was admitted', () => {
  let namespace: string;

  beforeAll(async () => {
    namespace = await installed.controlPlane.createNamespace({ labels: { [label]: 'main' } });
    await untilInjected(namespace);
    await kubectl(['create', '-n', namespace, '-f', '-'], plainPod('guarded'));
  });

  test('its image cannot be changed, that of the application can', async () => {
    await kubectl(['set', 'image', 'pod/guarded', '-n', namespace, 'app=other']);
    await expect(
      kubectl(['set', 'image', 'pod/guarded', '-n', namespace, 'sap-ai-budget=other']),
    ).rejects.toThrow(/the image of the sidecar sap-ai-budget must stay as it is; upgrade the chart/);
  });

  const debug = (volumeMounts: object[]): Promise<string> => {
    const ephemeralContainers = [{ name: `debug-${volumeMounts.length}`, image: 'busybox', volumeMounts }];
    const patch = JSON.stringify({ spec: { ephemeralContainers } });
    return kubectl([
      'patch',
      'pod',
      'guarded',
      '-n',
      namespace,
      '--subresource=ephemeralcontainers',
      '-p',
      patch,
    ]);
  };

  test('a debug container may come, but not mount its volumes', async () => {
    await expect(debug([{ name: 'sap-ai-budget-token', mountPath: '/t' }])).rejects.toThrow(
      /the volumes of the sidecar sap-ai-budget are its alone; remove the mount/,
    );
    expect(await debug([])).toContain('patched');
  });

  test('a pod that came by the webhook is refused, but not in the namespace of the operator', async () => {
    await kubectl(['label', 'namespace', installed.namespace, `${label}=main`]);
    await kubectl(['create', '-n', installed.namespace, '-f', '-'], plainPod('own'));
    await kubectl(['delete', 'mutatingwebhookconfiguration', 'sap-ai-budget']);
    const message = await eventually(
      async () => {
        const input = JSON.stringify(plainPod('late'));
        const { stderr } = await installed.controlPlane.kubectlRun(
          ['create', '--dry-run=server', '-n', namespace, '-f', '-'],
          { input },
        );
        return stderr.includes('must have the sidecar') ? stderr : undefined;
      },
      { what: 'the registration to be forgotten', timeoutMs: waitMs },
    );
    expect(message).toContain('install the chart again');
  });
});
