import { afterAll, beforeAll, expect, test } from 'vitest';
import { sharedControlPlane } from '../control-plane/fixture.ts';
import { containerOf, shell, TestRunner, untilTerm } from './testing/test-runner.ts';

let runner: TestRunner;
beforeAll(async () => {
  runner = await TestRunner.start(sharedControlPlane(), { args: ['--logs-port', '0'] });
});
afterAll(() => runner.stop());

async function logs(...args: string[]): Promise<string> {
  const { stdout, stderr } = await runner.controlPlane.kubectlRun(['logs', '-n', runner.namespace, ...args]);
  return stdout + stderr;
}

test('kubectl shows what a container has printed, its last lines, and what it printed before its restart', async () => {
  await runner.createPod('talks', {
    containers: [shell('main', `echo first; echo "start \${1:-x}"; ${untilTerm}`)],
  });
  await runner.createPod('again', {
    restartPolicy: 'OnFailure',
    containers: [shell('main', 'echo $HOSTNAME; exit 1')],
  });
  const talks = await runner.untilReady('talks');
  await runner.untilLog(talks, 'main', /runs/);
  expect(await logs('talks')).toBe('first\nstart x\nruns\n');
  expect(await logs('talks', '--tail=1')).toBe('runs\n');
  expect(await logs('talks', '--tail=0')).toBe('');
  await runner.untilPod(
    'again',
    'to be restarted',
    (pod) => (containerOf(pod, 'main')?.restartCount ?? 0) > 0,
  );
  expect(await logs('again', '--previous')).toBe('again\n');
});

test('kubectl follows a container to its end', async () => {
  const script = 'echo one; while ! [ -e /flags/go ]; do sleep 0.05; done; echo two';
  const flags = { volumeMounts: [{ name: 'flags', mountPath: '/flags' }] };
  await runner.createPod('followed', {
    restartPolicy: 'Never',
    volumes: [{ name: 'flags', emptyDir: {} }],
    containers: [shell('main', script, flags), shell('late', 'sleep 1; touch /flags/go', flags)],
  });
  await runner.untilPod('followed', 'to run', (pod) => containerOf(pod, 'main')?.state.running !== undefined);
  expect(await logs('followed', '-c', 'main', '--follow')).toBe('one\ntwo\n');
});

test('kubectl says that there is no log of a container that has not started', async () => {
  await runner.createPod('silent', { containers: [shell('main', 'true', { image: 'absent' })] });
  await runner.untilPod('silent', 'to wait', (pod) => containerOf(pod, 'main')?.state.waiting !== undefined);
  expect(await logs('silent')).toContain('container "main" of pod "silent" has not started');
});
