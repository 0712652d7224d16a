import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sharedControlPlane } from '../control-plane/fixture.ts';
import type { Pod } from './kubernetes.ts';
import { containerOf, isAlive, processOf, shell, TestRunner, untilTerm } from './testing/test-runner.ts';

let runner: TestRunner;
beforeEach(async () => {
  runner = await TestRunner.start(sharedControlPlane());
});
afterEach(() => runner.stop());

const memory = {
  volumes: [
    { name: 'memory', emptyDir: { medium: 'Memory' } },
    { name: 'disk', emptyDir: {} },
  ],
};
const mounts = {
  volumeMounts: [
    { name: 'memory', mountPath: '/memory' },
    { name: 'disk', mountPath: '/disk' },
  ],
};

/** Two pods, one with a sidecar and a child process, and the processes that they are. */
async function twoPods(): Promise<{ pods: Pod[]; processes: number[]; memory: string }> {
  const script = `sleep 600 & echo child $! in /memory; date >> /disk/starts; wc -l < /disk/starts; touch /memory/x; ${untilTerm}`;
  await runner.createPod('one', {
    ...memory,
    initContainers: [shell('side', untilTerm, { restartPolicy: 'Always' })],
    containers: [shell('main', script, mounts)],
  });
  await runner.createPod('never', { restartPolicy: 'Never', containers: [shell('main', untilTerm)] });
  const pods = [await runner.untilReady('one'), await runner.untilReady('never')];
  const [one, never] = pods;
  if (one === undefined || never === undefined) throw new Error('no pods');
  const printed = /child (\d+) in (\S+)/.exec(await runner.untilLog(one, 'main', /runs/));
  const processes = [
    processOf(one, 'side'),
    processOf(one, 'main'),
    processOf(never, 'main'),
    Number(printed?.[1]),
  ];
  return { pods, processes, memory: printed?.[2] ?? '' };
}

describe.each(['end', 'kill'] as const)('a runner that is told to %s', (how) => {
  test('leaves no process and nothing in memory, and the next one takes its pods over', async () => {
    const { processes, memory: memoryDir, pods } = await twoPods();
    expect(processes.map(isAlive)).toEqual([true, true, true, true]);
    await runner[how]();
    await runner.until('all to be gone', async () =>
      processes.some(isAlive) || existsSync(memoryDir) ? undefined : true,
    );

    await runner.restart();
    const again = await runner.untilPod(
      'one',
      'to run again',
      (pod) => containerOf(pod, 'main')?.restartCount === 1 && containerOf(pod, 'main')?.ready === true,
    );
    expect(again.status?.podIP).toBe(pods[0]?.status?.podIP);
    expect(containerOf(again, 'main')?.lastState?.terminated).toMatchObject({
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
    });
    // What is on the disk is the pod's, not the runner's.
    expect(await runner.untilLog(again, 'main', /runs/, 1)).toContain('\n2\n');
    const failed = await runner.untilPod('never', 'to fail', ({ status }) => status?.phase === 'Failed');
    expect(containerOf(failed, 'main')?.state.terminated).toMatchObject({
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
    });
    expect(await runner.log(failed, 'main', 1)).toBe('');
  });
});

test('pods that were deleted while no runner ran are gone soon after one runs', async () => {
  await runner.createPod('orphan', { containers: [shell('main', untilTerm)] });
  await runner.untilReady('orphan');
  await runner.kill();
  await runner.deletePod('orphan');
  expect((await runner.pod('orphan'))?.metadata.deletionTimestamp).toBeDefined();
  await runner.restart();
  expect(await runner.untilGone('orphan')).toBe(true);
});
