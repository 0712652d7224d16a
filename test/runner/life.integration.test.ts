import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { leases, pods, type Resource } from '../../operator/kube/resource.ts';
import { sharedControlPlane } from '../control-plane/fixture.ts';
import { nodes, type Pod } from './kubernetes.ts';
import {
  conditionOf,
  containerOf,
  image,
  isAlive,
  node,
  processOf,
  shell,
  TestRunner,
  untilTerm,
} from './testing/test-runner.ts';

const deployments: Resource = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
};
const jobs: Resource = { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job', namespaced: true };
const serve = (port: number): string =>
  `require('node:http').createServer((_, answer) => answer.end(process.env.POD)).listen(${port}, process.env.HOST)`;
const pod = { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } };
const anyAddress = { name: 'HOST', value: '0.0.0.0' };

let runner: TestRunner;
beforeAll(async () => {
  runner = await TestRunner.start(sharedControlPlane(), { args: ['--restart-seconds', '1'] });
});
afterAll(() => runner.stop());

async function podsOf(labelSelector: string): Promise<Pod[]> {
  return (await runner.kube.list<Pod>(pods, { namespace: runner.namespace, labelSelector })).items;
}

/** Both replicas, once they are ready and of that version. */
function replicas(version: string): () => Promise<Pod[] | undefined> {
  return async () => {
    const found = (await podsOf('app=shop')).filter((each) => conditionOf(each, 'Ready') === 'True');
    const areWanted = found.every((each) => each.metadata.labels?.['version'] === version);
    return found.length === 2 && areWanted ? found : undefined;
  };
}

function shopTemplate(version: string) {
  const startupProbe = { exec: { command: ['true'] }, periodSeconds: 1 };
  return {
    metadata: { labels: { app: 'shop', version } },
    spec: {
      terminationGracePeriodSeconds: 5,
      automountServiceAccountToken: false,
      initContainers: [shell('side', untilTerm, { restartPolicy: 'Always', startupProbe })],
      containers: [shell('main', untilTerm)],
    },
  };
}

test('the node is ready and holds a lease', async () => {
  const name = runner.nodeName;
  const found = await runner.kube.get(nodes, { name });
  expect(found).toMatchObject({
    status: {
      conditions: expect.arrayContaining([expect.objectContaining({ type: 'Ready', status: 'True' })]),
    },
  });
  expect(await runner.kube.get(leases, { namespace: 'kube-node-lease', name })).toMatchObject({
    spec: { holderIdentity: name },
  });
});

describe('a plain pod', () => {
  test('runs, is ready, and has an address and a start time', async () => {
    await runner.createPod('plain', { containers: [shell('main', untilTerm)] });
    const ready = await runner.untilReady('plain');
    expect(ready.status).toMatchObject({
      phase: 'Running',
      podIP: expect.stringMatching(/^127\.0\.\d+\.\d+$/),
      hostIP: '127.0.0.1',
      containerStatuses: [{ name: 'main', image, ready: true, started: true, restartCount: 0 }],
    });
    expect(
      ['PodScheduled', 'Initialized', 'ContainersReady'].map((type) => conditionOf(ready, type)),
    ).toEqual(['True', 'True', 'True']);
  });

  test('two of them with one port serve at an address each', async () => {
    const readinessProbe = { httpGet: { port: 18_080 }, periodSeconds: 1 };
    const container = node('web', serve(18_080), { env: [pod, anyAddress], readinessProbe });
    const names = ['twin-a', 'twin-b'];
    await Promise.all(
      names.map((name) =>
        runner.createPod(name, {
          containers: [container],
        }),
      ),
    );
    const ready = await Promise.all(names.map((name) => runner.untilReady(name)));
    const answers = await Promise.all(
      ready.map(async ({ status }) => (await fetch(`http://${status?.podIP}:18080`)).text()),
    );
    expect(answers).toEqual(names);
  });

  test('with an image that is not in the map says which to add, and does not run', async () => {
    await runner.createPod('unknown-image', { containers: [shell('main', untilTerm, { image: 'other:2' })] });
    const waiting = await runner.untilPod(
      'unknown-image',
      'to wait',
      (each) => containerOf(each, 'main')?.state.waiting?.message !== undefined,
    );
    expect(waiting.status?.phase).toBe('Pending');
    expect(containerOf(waiting, 'main')?.state.waiting).toEqual({
      reason: 'ErrImageNeverPull',
      message: 'image "other:2" is not in the image map: add "other" to it',
    });
  });

  test('whose program does not exist ends with 128 and a message that names it', async () => {
    await runner.createPod('no-program', {
      restartPolicy: 'Never',
      containers: [{ name: 'main', image, command: ['/nowhere/program'] }],
    });
    const failed = await runner.untilPod('no-program', 'to fail', ({ status }) => status?.phase === 'Failed');
    expect(containerOf(failed, 'main')?.state.terminated).toMatchObject({
      exitCode: 128,
      reason: 'StartError',
      message: expect.stringContaining('/nowhere/program'),
    });
  });

  test('of another scheduler or with a selector for another node is left alone', async () => {
    const containers = [shell('main', untilTerm)];
    await runner.createPod('other-scheduler', { schedulerName: 'mine', containers });
    await runner.createPod('other-node', {
      nodeSelector: { 'kubernetes.io/hostname': 'elsewhere' },
      containers,
    });
    await runner.createPod('after-them', { containers });
    await runner.untilReady('after-them');
    const left = await Promise.all(['other-scheduler', 'other-node'].map((name) => runner.pod(name)));
    expect(left.map((each) => each?.spec.nodeName)).toEqual([undefined, undefined]);
  });
});

describe('restarts', () => {
  test('a container that fails starts again, later each time, and its status tells of the last end', async () => {
    await runner.createPod('crashes', { containers: [shell('main', 'exit 3')] });
    const waiting = await runner.untilPod(
      'crashes',
      'to back off',
      (each) =>
        (containerOf(each, 'main')?.restartCount ?? 0) >= 3 &&
        containerOf(each, 'main')?.state.waiting !== undefined,
    );
    expect(containerOf(waiting, 'main')).toMatchObject({
      state: {
        waiting: { reason: 'CrashLoopBackOff', message: 'back-off 2s restarting failed container main' },
      },
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
      ready: false,
    });
    expect(waiting.status?.phase).toBe('Running');
  });

  test('OnFailure starts what failed until it succeeds, and then the pod has succeeded', async () => {
    const script = 'if [ -f /state/tried ]; then echo second; exit 0; fi; touch /state/tried; exit 1';
    await runner.createPod('retries', {
      restartPolicy: 'OnFailure',
      volumes: [{ name: 'state', emptyDir: {} }],
      containers: [shell('main', script, { volumeMounts: [{ name: 'state', mountPath: '/state' }] })],
    });
    const done = await runner.untilPod(
      'retries',
      'to succeed',
      ({ status }) => status?.phase === 'Succeeded',
    );
    expect(containerOf(done, 'main')).toMatchObject({
      restartCount: 1,
      state: { terminated: { exitCode: 0, reason: 'Completed' } },
    });
    expect(await runner.log(done, 'main', 1)).toBe('second\n');
  });

  test('a liveness probe that fails restarts the container', async () => {
    const script = `trap 'exit 0' TERM; [ -f /state/again ] || { touch /state/sick /state/again; }; while :; do sleep 0.05; done`;
    await runner.createPod('sick', {
      volumes: [{ name: 'state', emptyDir: {} }],
      containers: [
        shell('main', script, {
          volumeMounts: [{ name: 'state', mountPath: '/state' }],
          livenessProbe: {
            exec: { command: ['/bin/sh', '-c', 'if [ -f /state/sick ]; then rm /state/sick; exit 1; fi'] },
            periodSeconds: 1,
            failureThreshold: 1,
          },
        }),
      ],
    });
    const restarted = await runner.untilPod(
      'sick',
      'to be restarted',
      (each) => containerOf(each, 'main')?.restartCount === 1 && containerOf(each, 'main')?.ready === true,
    );
    expect(containerOf(restarted, 'main')?.lastState?.terminated).toMatchObject({ exitCode: 0 });
  });
});

describe('owned pods', () => {
  test('a Deployment gets its replicas, a native sidecar first in each, and rolls them over', async () => {
    const spec = { replicas: 2, selector: { matchLabels: { app: 'shop' } } };
    await runner.create(deployments, {
      metadata: { name: 'shop' },
      spec: { ...spec, template: shopTemplate('one') },
    });
    const first = await runner.until('two replicas', replicas('one'));
    expect(first.map((each) => containerOf(each, 'side')?.ready)).toEqual([true, true]);
    await runner.kube.mergePatch(
      deployments,
      { spec: { template: shopTemplate('two') } },
      { namespace: runner.namespace, name: 'shop' },
    );
    await runner.until('two new replicas', replicas('two'));
    await runner.until('the old ones to be gone', async () =>
      (await podsOf('version=one')).length === 0 ? true : undefined,
    );
    expect(first.map((each) => isAlive(processOf(each, 'main')))).toEqual([false, false]);
  });

  test('a Job completes, and its native sidecar, which would go on for ever, ends after its work', async () => {
    const spec = {
      template: {
        metadata: { labels: { job: 'once' } },
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          initContainers: [
            shell('side', `trap 'date +%s%N; exit 0' TERM; while :; do sleep 0.05; done`, {
              restartPolicy: 'Always',
            }),
          ],
          containers: [shell('work', 'sleep 0.3; date +%s%N')],
        },
      },
    };
    await runner.create(jobs, { metadata: { name: 'once' }, spec });
    await runner.until('the job to be complete', async () => {
      const job = await runner.kube.get(jobs, { namespace: runner.namespace, name: 'once' });
      return Object(job).status?.succeeded === 1 ? true : undefined;
    });
    const [done] = await podsOf('job=once');
    if (done === undefined) throw new Error('the job has no pod');
    expect(done.status?.phase).toBe('Succeeded');
    const [worked, ended] = await Promise.all([runner.log(done, 'work'), runner.log(done, 'side')]);
    expect(BigInt(ended.trim()) >= BigInt(worked.trim())).toBe(true);
  });
});
