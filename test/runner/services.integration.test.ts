import { afterAll, beforeAll, expect, test } from 'vitest';
import { sharedControlPlane } from '../control-plane/fixture.ts';
import { type Service, services } from './kubernetes.ts';
import { loopbackOf } from './services.ts';
import { node, nodeImage, shell, TestRunner, untilTerm } from './testing/test-runner.ts';

const serve = (answer: string): string =>
  `require('node:http').createServer((_, answer) => answer.end('${answer}')).listen(18081, process.env.HOST)`;
const readinessProbe = { httpGet: { port: 'web' }, periodSeconds: 1 };
const web = {
  env: [{ name: 'HOST', value: '0.0.0.0' }],
  ports: [{ name: 'web', containerPort: 18_081 }],
  readinessProbe,
};

let runner: TestRunner;
beforeAll(async () => {
  runner = await TestRunner.start(sharedControlPlane());
});
afterAll(() => runner.stop());

/** What the Service answers, or why there is no answer. */
async function askService(service: Service): Promise<string> {
  const host = loopbackOf(service.spec.clusterIP ?? '');
  try {
    // A connection a question: a kept one would stay with its pod.
    const answer = await fetch(`http://${host}:8080`, { headers: { connection: 'close' } });
    return await answer.text();
  } catch {
    return 'no answer';
  }
}

test('a Service leads to its ready pods and to no others, keeps its address when they change, and is a name in their environment', async () => {
  const spec = { selector: { app: 'web' }, ports: [{ port: 8080, targetPort: 'web' }] };
  const service = await runner.create<Service>(services, { metadata: { name: 'web' }, spec });
  await runner.createPod(
    'unready',
    { containers: [shell('main', untilTerm, { ...web, readinessProbe: { exec: { command: ['false'] } } })] },
    { app: 'web' },
  );
  await runner.createPod('first', { containers: [node('main', serve('first'), web)] }, { app: 'web' });
  await runner.untilReady('first');
  expect(await Promise.all([askService(service), askService(service)])).toEqual(['first', 'first']);

  await runner.createPod('second', { containers: [node('main', serve('second'), web)] }, { app: 'web' });
  await runner.untilReady('second');
  const answers = await Promise.all([
    askService(service),
    askService(service),
    askService(service),
    askService(service),
  ]);
  expect(new Set(answers)).toEqual(new Set(['first', 'second']));

  await runner.deletePod('first');
  await runner.untilGone('first');
  expect(await Promise.all([askService(service), askService(service)])).toEqual(['second', 'second']);

  const url = { name: 'URL', value: `http://web.${runner.namespace}.svc:8080` };
  const source = `fetch(process.env.URL).then((answer) => answer.text()).then((text) => console.log(text))`;
  const caller = await runner.createPod('caller', {
    restartPolicy: 'Never',
    containers: [node('main', source, { env: [url] })],
  });
  await runner.untilPod('caller', 'to end', ({ status }) => status?.phase === 'Succeeded');
  expect(await runner.log(caller, 'main')).toBe('second\n');

  const asked = `console.log(process.env.URL); ${source}`;
  const resolving = await runner.createPod('resolving', {
    restartPolicy: 'Never',
    containers: [node('main', asked, { image: nodeImage, env: [url] })],
  });
  await runner.untilPod('resolving', 'to end', ({ status }) => status?.phase === 'Succeeded');
  expect(await runner.log(resolving, 'main')).toBe(`${url.value}\nsecond\n`);

  await runner.deletePod('second');
  await runner.untilGone('second');
  expect(await askService(service)).toBe('no answer');
});

test('a Service without an address of its own stands for one of its pods', async () => {
  const spec = { clusterIP: 'None', selector: { app: 'headless' }, ports: [{ port: 18_081 }] };
  await runner.create<Service>(services, { metadata: { name: 'headless' }, spec });
  await runner.createPod('behind', { containers: [shell('main', untilTerm)] }, { app: 'headless' });
  const behind = await runner.untilReady('behind');
  const url = { name: 'URL', value: `headless.${runner.namespace}.svc.cluster.local` };
  const asking = await runner.createPod('asking', {
    restartPolicy: 'Never',
    containers: [shell('main', 'echo $URL', { env: [url] })],
  });
  await runner.untilPod('asking', 'to end', ({ status }) => status?.phase === 'Succeeded');
  expect(await runner.log(asking, 'main')).toBe(`${behind.status?.podIP}\n`);
});
