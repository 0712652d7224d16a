import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { sharedControlPlane } from './fixture.ts';
import { startControlPlane } from './start.ts';

describe('the shared control plane', () => {
  test('lets the admin in, refuses a user without rights and a token it does not know', async () => {
    const { call, tokens } = sharedControlPlane();
    const path = '/api/v1/namespaces';
    const statuses = await Promise.all([
      call({ path }),
      call({ path, token: tokens.nobody }),
      call({ path, token: 'unknown' }),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([200, 403, 401]);
  });

  test('accepts a pod right after its namespace was made', async () => {
    const { call, createNamespace } = sharedControlPlane();
    const namespace = await createNamespace({ prefix: 'pods', labels: { purpose: 'test' } });
    const body = { metadata: { name: 'first' }, spec: { containers: [{ name: 'app', image: 'none' }] } };
    const answer = await call({ method: 'POST', path: `/api/v1/namespaces/${namespace}/pods`, body });
    expect(answer.status).toBe(201);
  });

  test('gives out tokens that a review accepts for their audience only and ties to their pod', async () => {
    const { call, createNamespace, serviceAccountToken } = sharedControlPlane();
    const namespace = await createNamespace();
    const body = { metadata: { name: 'app' }, spec: { containers: [{ name: 'app', image: 'none' }] } };
    const { body: pod } = await call({ method: 'POST', path: `/api/v1/namespaces/${namespace}/pods`, body });
    const uid = String(Object(Object(pod).metadata).uid);
    const token = await serviceAccountToken({
      namespace,
      audience: 'sapai.eerly.ai',
      pod: { name: 'app', uid },
    });
    const review = async (audience: string): Promise<unknown> => {
      const spec = { token, audiences: [audience] };
      const path = '/apis/authentication.k8s.io/v1/tokenreviews';
      const answer = await call({
        method: 'POST',
        path,
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec },
      });
      return Object(answer.body).status;
    };
    expect(await review('sapai.eerly.ai')).toMatchObject({
      authenticated: true,
      user: {
        username: `system:serviceaccount:${namespace}:default`,
        extra: { 'authentication.kubernetes.io/pod-uid': [uid] },
      },
    });
    expect(Object(await review('somebody.else')).authenticated).not.toBe(true);
  });

  test('is usable with kubectl, which reads standard input and reports its exit code', async () => {
    const { createNamespace, kubectlRun } = sharedControlPlane();
    const namespace = await createNamespace();
    const map = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'colours', namespace },
      data: { sky: 'blue' },
    };
    expect(await kubectlRun(['apply', '-f', '-'], { input: JSON.stringify(map) })).toMatchObject({
      exitCode: 0,
    });
    const read = await kubectlRun([
      'get',
      'configmap',
      'colours',
      '-n',
      namespace,
      '-o',
      'jsonpath={.data.sky}',
    ]);
    expect(read.stdout).toBe('blue');
    const denied = await kubectlRun(['get', 'configmap', '-n', namespace], { user: 'nobody' });
    expect(denied).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('Forbidden') });
  });

  test('finishes deleting a namespace, because a controller-manager runs', async () => {
    const { call, createNamespace } = sharedControlPlane();
    const path = `/api/v1/namespaces/${await createNamespace()}`;
    await call({ method: 'DELETE', path });
    const gone = async (): Promise<true | undefined> =>
      (await call({ path })).status === 404 ? true : undefined;
    expect(await eventually(gone, { what: `${path} to be gone`, timeoutMs: 60_000 })).toBe(true);
  });
});

describe('a control plane of its own', () => {
  test('keeps port, tokens and data when its API server is killed, and leaves nothing when stopped', async () => {
    const own = await startControlPlane({ controllerManager: false });
    try {
      const namespace = await own.createNamespace();
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
      await own.killApiServer();
      await expect(own.call({ path })).rejects.toMatchObject({ reason: 'request_failed' });
      await own.restartApiServer();
      expect(await own.call({ path })).toMatchObject({ status: 200 });
    } finally {
      await own.stop();
    }
    expect(existsSync(own.dir)).toBe(false);
    await own.stop();
  });

  test.each(['SIGINT', 'SIGKILL'] as const)(
    'ends with the process that started it, here by %s',
    async (signal) => {
      const program = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const ended = once(program, 'exit');
      const [line] = await once(createInterface({ input: program.stdout }), 'line');
      const kubeconfig = String(line).replace(/^export KUBECONFIG=/, '');
      expect(existsSync(kubeconfig)).toBe(true);
      program.kill(signal);
      await ended;
      const dir = join(kubeconfig, '..');
      const gone = async (): Promise<true | undefined> => (existsSync(dir) ? undefined : true);
      expect(await eventually(gone, { what: `${dir} to be removed`, timeoutMs: 30_000 })).toBe(true);
    },
  );
});
