import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configMaps, secrets, tokenReviews } from '../../operator/kube/resource.ts';
import { sidecarVolumes } from '../../operator/webhook/sidecar-container.ts';
import { sharedControlPlane } from '../control-plane/fixture.ts';
import { type Pod, uidOf } from './kubernetes.ts';
import { containerOf, node, shell, TestRunner, untilTerm } from './testing/test-runner.ts';

let runner: TestRunner;
beforeAll(async () => {
  runner = await TestRunner.start(sharedControlPlane(), {
    args: ['--refresh-seconds', '0.2', '--token-max-age-seconds', '2'],
  });
});
afterAll(() => runner.stop());

/** Where a container sees a path of its own. */
async function pathOf(pod: Pod, path: string): Promise<string> {
  const name = `where-${path.replace(/\W+/g, '-')}`;
  return (
    (await runner.untilLog(pod, 'main', new RegExp(`${name} .*`))).match(new RegExp(`${name} (.*)`))?.[1] ??
    ''
  );
}

/** Says where the paths lie, and goes on. */
function showing(...paths: string[]): string {
  return [...paths.map((path) => `echo where-${path.replace(/\W+/g, '-')} ${path}`), untilTerm].join('; ');
}

describe('environment', () => {
  test('values, fields, references, expansion and what the image brings are there, translated where they name this pod', async () => {
    await runner.create(configMaps, {
      metadata: { name: 'settings' },
      data: { COLOUR: 'blue', URL: 'http://127.0.0.1:80' },
    });
    await runner.create(secrets, { metadata: { name: 'keys' }, stringData: { password: 'secret-word' } });
    const pod = await runner.createPod(
      'environment',
      {
        restartPolicy: 'Never',
        containers: [
          shell('main', 'env', {
            args: ['$(GREETING)'],
            envFrom: [
              { configMapRef: { name: 'settings' }, prefix: 'MAP_' },
              { secretRef: { name: 'absent', optional: true } },
            ],
            env: [
              { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              { name: 'SPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
              { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
              { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
              { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: `metadata.labels['tier']` } } },
              { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'keys', key: 'password' } } },
              {
                name: 'ABSENT',
                valueFrom: { configMapKeyRef: { name: 'settings', key: 'none', optional: true } },
              },
              { name: 'GREETING', value: '$(MAP_COLOUR) $(NAME) $$(NAME) $(UNKNOWN)' },
            ],
          }),
        ],
      },
      { tier: 'front' },
    );
    const done = await runner.untilPod(
      'environment',
      'to succeed',
      ({ status }) => status?.phase === 'Succeeded',
    );
    const printed = Object.fromEntries(
      (await runner.log(pod, 'main'))
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s).slice(0, 2)),
    );
    const podIp = done.status?.podIP;
    expect(printed).toMatchObject({
      MAP_COLOUR: 'blue',
      MAP_URL: `http://${podIp}:80`,
      NAME: 'environment',
      SPACE: runner.namespace,
      IP: podIp,
      NODE: runner.nodeName,
      LABEL: 'front',
      PASSWORD: 'secret-word',
      GREETING: 'blue environment $(NAME) $(UNKNOWN)',
      OF_IMAGE: podIp,
      HOSTNAME: 'environment',
    });
    expect(Object.keys(printed)).not.toContain('ABSENT');
    // The runner has it, from these tests.
    expect(Object.keys(printed)).not.toContain('VITEST');
  });

  test('a reference to what does not exist keeps the container waiting, says so, and is followed once it is there', async () => {
    const env = [{ name: 'LATE', valueFrom: { configMapKeyRef: { name: 'late', key: 'word' } } }];
    await runner.createPod('late', {
      restartPolicy: 'Never',
      containers: [shell('main', 'echo $LATE', { env })],
    });
    const waiting = await runner.untilPod(
      'late',
      'to wait',
      (pod) => containerOf(pod, 'main')?.state.waiting?.reason === 'CreateContainerConfigError',
    );
    expect(containerOf(waiting, 'main')?.state.waiting?.message).toContain('ConfigMap "late" not found');
    await runner.create(configMaps, { metadata: { name: 'late' }, data: { word: 'arrived' } });
    await runner.untilPod('late', 'to succeed', ({ status }) => status?.phase === 'Succeeded');
    expect(await runner.log(waiting, 'main')).toBe('arrived\n');
  });
});

describe('volumes', () => {
  test('a changed ConfigMap arrives in the running container, all files at once', async () => {
    await runner.create(configMaps, { metadata: { name: 'pair' }, data: { a: '1', b: '1' } });
    const source = `const { readFileSync } = require('node:fs');
      setInterval(() => console.log(readFileSync('/config/..data/a', 'utf8') + readFileSync('/config/b', 'utf8')), 50)`;
    const pod = await runner.createPod('updated', {
      volumes: [{ name: 'config', configMap: { name: 'pair' } }],
      containers: [node('main', source, { volumeMounts: [{ name: 'config', mountPath: '/config' }] })],
    });
    await runner.untilLog(pod, 'main', /^11$/m);
    await runner.kube.mergePatch(
      configMaps,
      { data: { a: '2', b: '2' } },
      { namespace: runner.namespace, name: 'pair' },
    );
    const printed = await runner.untilLog(pod, 'main', /^22$/m);
    expect(new Set(printed.trim().split('\n'))).toEqual(new Set(['11', '22']));
  });

  test("a pod with a budget, in a namespace without the operator's CA, waits and says for what, and starts once it is there", async () => {
    const resources = { requests: {}, limits: {} };
    const settings = { image: 'i', command: ['c'], operatorUrl: 'https://o', resources };
    const volumes = sidecarVolumes({ ...settings, journalSizeLimit: '1Mi', logLevel: 'info' });
    const volumeMounts = [{ name: 'sap-ai-budget-ca', mountPath: '/etc/sap-ai-budget/ca' }];
    const sidecar = shell('sap-ai-budget', `cat /etc/sap-ai-budget/ca/ca.crt; ${untilTerm}`, {
      volumeMounts,
      restartPolicy: 'Always',
    });
    await runner.createPod('no-ca', {
      volumes,
      initContainers: [sidecar],
      containers: [shell('main', untilTerm)],
    });
    const waiting = await runner.untilPod(
      'no-ca',
      'to wait for its volumes',
      (pod) => containerOf(pod, 'sap-ai-budget')?.state.waiting?.message !== undefined,
    );
    expect(containerOf(waiting, 'sap-ai-budget')?.state.waiting).toEqual({
      reason: 'ContainerCreating',
      message: expect.stringContaining('ConfigMap "sap-ai-budget-ca" not found'),
    });
    expect(containerOf(waiting, 'main')?.state.running).toBeUndefined();
    await runner.create(configMaps, {
      metadata: { name: 'sap-ai-budget-ca' },
      data: { 'ca.crt': 'trusted' },
    });
    const ready = await runner.untilReady('no-ca');
    expect(await runner.untilLog(ready, 'sap-ai-budget', /runs/)).toContain('trusted');
  });

  test('secrets, chosen keys, sub-paths and the downward API lie where they are mounted, secrets in memory and for the owner alone', async () => {
    await runner.create(secrets, {
      metadata: { name: 'certificate' },
      stringData: { key: 'private', cert: 'public' },
    });
    const created = await runner.createPod(
      'mounts',
      {
        volumes: [
          {
            name: 'secret',
            secret: {
              secretName: 'certificate',
              items: [{ key: 'key', path: 'tls/private.key', mode: 0o400 }],
            },
          },
          {
            name: 'about',
            downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] },
          },
          { name: 'memory', emptyDir: { medium: 'Memory' } },
        ],
        containers: [
          shell('main', showing('/etc/keys', '/about/labels', '/memory'), {
            volumeMounts: [
              { name: 'secret', mountPath: '/etc/keys' },
              { name: 'about', mountPath: '/about' },
              { name: 'memory', mountPath: '/memory', subPath: 'below' },
            ],
          }),
        ],
      },
      { app: 'mounts', tier: 'back' },
    );
    const [keys, labels, memory] = await Promise.all(
      ['/etc/keys', '/about/labels', '/memory'].map((path) => pathOf(created, path)),
    );
    expect(await readFile(join(keys ?? '', 'tls/private.key'), 'utf8')).toBe('private');
    expect((await stat(join(keys ?? '', 'tls/private.key'))).mode & 0o777).toBe(0o400);
    expect((await readdir(keys ?? '')).filter((name) => !name.startsWith('..'))).toEqual(['tls']);
    expect(await readFile(labels ?? '', 'utf8')).toBe('app="mounts"\ntier="back"');
    expect([keys, memory].every((path) => path?.startsWith('/dev/shm/'))).toBe(true);
    expect((await stat(memory ?? '')).isDirectory()).toBe(true);
  });

  test('a projected token has its audience, is bound to the pod, and is replaced before it is old', async () => {
    const audience = 'sapai.eerly.ai';
    const created = await runner.createPod('token', {
      volumes: [
        {
          name: 'token',
          projected: {
            sources: [{ serviceAccountToken: { audience, expirationSeconds: 600, path: 'token' } }],
          },
        },
      ],
      containers: [
        shell('main', showing('/var/run/secrets/app/token'), {
          volumeMounts: [{ name: 'token', mountPath: '/var/run/secrets/app' }],
        }),
      ],
    });
    const file = await pathOf(created, '/var/run/secrets/app/token');
    const first = await readFile(file, 'utf8');
    const review = await runner.kube.create(tokenReviews, { spec: { token: first, audiences: [audience] } });
    expect(review).toMatchObject({
      status: {
        authenticated: true,
        audiences: [audience],
        user: { extra: { 'authentication.kubernetes.io/pod-uid': [uidOf(created)] } },
      },
    });
    const second = await runner.until('a new token', async () => {
      const now = await readFile(file, 'utf8');
      return now === first ? undefined : now;
    });
    expect(
      await runner.kube.create(tokenReviews, { spec: { token: second, audiences: [audience] } }),
    ).toMatchObject({ status: { authenticated: true } });
  });

  test('the pod speaks to the API server as its ServiceAccount', async () => {
    const source = `const { KubeConfig } = require('@kubernetes/client-node');
      const config = new KubeConfig();
      config.loadFromDefault();
      const ask = async () => {
        const options = { method: 'POST', headers: { 'content-type': 'application/json' } };
        await config.applyToHTTPSOptions(options);
        const url = config.getCurrentCluster().server + '/apis/authentication.k8s.io/v1/selfsubjectreviews';
        const sent = require('node:https').request(url, options, async (answer) => {
          console.log(JSON.parse((await answer.toArray()).join('')).status.userInfo.username);
          process.exit();
        });
        sent.end(JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }));
      };
      ask()`;
    const created = await runner.createPod('account', {
      automountServiceAccountToken: true,
      restartPolicy: 'Never',
      containers: [
        node('main', source, {
          env: [{ name: 'NODE_PATH', value: join(import.meta.dirname, '..', '..', 'node_modules') }],
        }),
      ],
    });
    await runner.untilPod(
      'account',
      'to end',
      ({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed',
    );
    expect(await runner.log(created, 'main')).toBe(`system:serviceaccount:${runner.namespace}:default\n`);
  });

  test('what a pod had is deleted with it, and its logs stay', async () => {
    const created = await runner.createPod('leaves', {
      volumes: [{ name: 'memory', emptyDir: { medium: 'Memory' } }],
      containers: [
        shell('main', showing('/memory'), { volumeMounts: [{ name: 'memory', mountPath: '/memory' }] }),
      ],
    });
    const memory = await pathOf(created, '/memory');
    await runner.deletePod('leaves');
    await runner.until('its directory to be gone', async () =>
      stat(memory).then(
        () => undefined,
        () => 'gone',
      ),
    );
    expect(await runner.log(created, 'main')).toContain('runs');
  });

  test('a pod with a volume that this runner does not have waits, and its status says why', async () => {
    const volumes = [{ name: 'host', hostPath: { path: '/tmp' } }];
    await runner.createPod('host-path', { volumes, containers: [shell('main', untilTerm)] });
    const waiting = await runner.untilPod(
      'host-path',
      'to wait',
      (pod) => containerOf(pod, 'main')?.state.waiting?.message !== undefined,
    );
    expect(waiting.status?.phase).toBe('Pending');
    expect(containerOf(waiting, 'main')?.state.waiting).toEqual({
      reason: 'ContainerCreating',
      message: 'volumes are not ready: volume "host" is of kind hostPath, which this runner does not have',
    });
  });

  test('a pod whose ConfigMap is missing waits, and goes on once it is there', async () => {
    const volumes = [{ name: 'late', configMap: { name: 'late-map' } }];
    const mount = { volumeMounts: [{ name: 'late', mountPath: '/late' }] };
    await runner.createPod('late-volume', { volumes, containers: [shell('main', untilTerm, mount)] });
    await runner.untilPod('late-volume', 'to wait', (pod) =>
      Boolean(containerOf(pod, 'main')?.state.waiting?.message?.includes('ConfigMap "late-map" not found')),
    );
    await runner.create(configMaps, { metadata: { name: 'late-map' }, data: { a: '1' } });
    expect((await runner.untilReady('late-volume')).status?.phase).toBe('Running');
  });
});
