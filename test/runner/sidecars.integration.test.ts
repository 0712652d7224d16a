import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pods } from '../../operator/kube/resource.ts';
import { sharedControlPlane } from '../control-plane/fixture.ts';
import {
  conditionOf,
  containerOf,
  isAlive,
  processOf,
  shell,
  TestRunner,
  untilTerm,
} from './testing/test-runner.ts';

const shared = { name: 'shared', emptyDir: {} };
const mounted = { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] };

/** Writes its name into the common list when it starts and when it is asked to end. */
function noted(name: string): string {
  return `trap 'echo ${name} ends >> /shared/order; exit 0' TERM; echo ${name} starts >> /shared/order; while :; do sleep 0.05; done`;
}

let runner: TestRunner;
beforeAll(async () => {
  runner = await TestRunner.start(sharedControlPlane(), { args: ['--restart-seconds', '1'] });
});
afterAll(() => runner.stop());

describe('order', () => {
  test('sidecars start before what follows them and end after all others, the last started first', async () => {
    const print = 'tail -F /shared/order 2>/dev/null';
    await runner.createPod('order', {
      volumes: [shared],
      initContainers: [
        // The first to start is the last to end, so it sees everything.
        shell('witness', `trap 'sleep 0.2; cat /shared/order; exit 0' TERM; while :; do sleep 0.05; done`, {
          ...mounted,
          restartPolicy: 'Always',
        }),
        shell('first', noted('first'), {
          ...mounted,
          restartPolicy: 'Always',
          startupProbe: {
            exec: { command: ['grep', '-q', 'first starts', '/shared/order'] },
            periodSeconds: 1,
          },
        }),
        shell('init', 'echo init >> /shared/order', mounted),
        shell('second', noted('second'), {
          ...mounted,
          restartPolicy: 'Always',
          startupProbe: {
            exec: { command: ['grep', '-q', 'second starts', '/shared/order'] },
            periodSeconds: 1,
          },
        }),
      ],
      containers: [
        shell('main', noted('main'), mounted),
        shell('quiet', `${print} & trap 'exit 0' TERM; while :; do sleep 0.05; done`, mounted),
      ],
    });
    const ready = await runner.untilReady('order');
    await runner.untilLog(ready, 'quiet', /main starts/);
    await runner.deletePod('order');
    await runner.untilGone('order');
    const order = (await runner.log(ready, 'witness')).trim().split('\n');
    expect(order).toEqual([
      'first starts',
      'init',
      'second starts',
      'main starts',
      'main ends',
      'second ends',
      'first ends',
    ]);
  });

  test('a startup probe that does not succeed keeps what follows from starting', async () => {
    await runner.createPod('held-up', {
      volumes: [shared],
      initContainers: [
        shell('side', untilTerm, {
          ...mounted,
          restartPolicy: 'Always',
          startupProbe: {
            exec: { command: ['test', '-e', '/shared/go'] },
            periodSeconds: 1,
            failureThreshold: 100,
          },
        }),
      ],
      containers: [shell('main', untilTerm)],
    });
    const waiting = await runner.untilPod(
      'held-up',
      'to run its sidecar',
      (pod) => containerOf(pod, 'side')?.state.running !== undefined,
    );
    expect(containerOf(waiting, 'side')).toMatchObject({ started: false, ready: false });
    expect(containerOf(waiting, 'main')?.state).toEqual({ waiting: { reason: 'PodInitializing' } });
    expect([waiting.status?.phase, conditionOf(waiting, 'Initialized')]).toEqual(['Pending', 'False']);
    await runner.deletePod('held-up');
    await runner.untilGone('held-up');
    expect(await runner.log(waiting, 'main')).toBe('');
  });

  test('a sidecar that ends is started again while the others go on', async () => {
    await runner.createPod('side-falls', {
      initContainers: [shell('side', untilTerm, { restartPolicy: 'Always' })],
      restartPolicy: 'Never',
      containers: [shell('main', untilTerm)],
    });
    const ready = await runner.untilReady('side-falls');
    process.kill(processOf(ready, 'side'), 'SIGKILL');
    const again = await runner.untilPod(
      'side-falls',
      'to have its sidecar again',
      (pod) => containerOf(pod, 'side')?.restartCount === 1 && conditionOf(pod, 'Ready') === 'True',
    );
    expect(containerOf(again, 'side')?.lastState?.terminated).toMatchObject({ exitCode: 137, signal: 9 });
    expect(processOf(again, 'main')).toBe(processOf(ready, 'main'));
  });

  test('an init container that fails for good fails the pod, and its main containers never start', async () => {
    await runner.createPod('init-fails', {
      restartPolicy: 'Never',
      initContainers: [shell('init', 'exit 4')],
      containers: [shell('main', untilTerm)],
    });
    const failed = await runner.untilPod('init-fails', 'to fail', ({ status }) => status?.phase === 'Failed');
    expect(containerOf(failed, 'init')?.state.terminated?.exitCode).toBe(4);
    expect(await runner.log(failed, 'main')).toBe('');
  });
});

describe('deletion', () => {
  test('what does not end by itself is killed when the grace period is over, with all its children', async () => {
    await runner.createPod('stubborn', {
      terminationGracePeriodSeconds: 1,
      containers: [shell('main', `trap '' TERM; sleep 600 & echo child $!; while :; do sleep 0.05; done`)],
    });
    const ready = await runner.untilReady('stubborn');
    const child = Number(/child (\d+)/.exec(await runner.untilLog(ready, 'main', /child \d+/))?.[1]);
    expect(isAlive(child)).toBe(true);
    await runner.deletePod('stubborn');
    await runner.untilGone('stubborn');
    expect([processOf(ready, 'main'), child].map(isAlive)).toEqual([false, false]);
  });

  test('a shorter grace period asked for later counts', async () => {
    await runner.createPod('hurry', {
      terminationGracePeriodSeconds: 600,
      containers: [shell('main', `trap 'echo heard' TERM; while :; do sleep 0.05; done`)],
    });
    const ready = await runner.untilReady('hurry');
    await runner.deletePod('hurry');
    await runner.untilLog(ready, 'main', /heard/);
    await runner.kube.delete(pods, { namespace: runner.namespace, name: 'hurry', gracePeriodSeconds: 1 });
    await runner.untilGone('hurry');
    expect(isAlive(processOf(ready, 'main'))).toBe(false);
  });

  test('a preStop hook is through before SIGTERM is sent', async () => {
    const preStop = { exec: { command: ['/bin/sh', '-c', 'echo hook >> /shared/order'] } };
    await runner.createPod('hooked', {
      volumes: [shared],
      containers: [
        shell('main', `trap 'cat /shared/order; exit 0' TERM; while :; do sleep 0.05; done`, {
          ...mounted,
          lifecycle: { preStop },
        }),
      ],
    });
    const ready = await runner.untilReady('hooked');
    await runner.deletePod('hooked');
    await runner.untilGone('hooked');
    expect(await runner.log(ready, 'main')).toBe('hook\n');
  });

  test('by force ends the processes of a pod that the API server no longer knows', async () => {
    await runner.createPod('forced', {
      containers: [shell('main', `trap '' TERM; while :; do sleep 0.05; done`)],
    });
    const ready = await runner.untilReady('forced');
    await runner.controlPlane.kubectlRun([
      'delete',
      'pod',
      'forced',
      '-n',
      runner.namespace,
      '--grace-period=0',
      '--force',
    ]);
    const pid = processOf(ready, 'main');
    expect(
      await runner.until('its process to be gone', async () => (isAlive(pid) ? undefined : 'gone')),
    ).toBe('gone');
  });
});
