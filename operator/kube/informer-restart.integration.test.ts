import { KubeConfig } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { eventually } from '../../test/control-plane/eventually.ts';
import { startControlPlane } from '../../test/control-plane/start.ts';
import { KubeClient } from './client.ts';
import { Informer } from './informer.ts';
import { configMaps } from './resource.ts';

test('an informer outlives a killed API server', async () => {
  const controlPlane = await startControlPlane({ controllerManager: false });
  const config = new KubeConfig();
  config.loadFromFile(controlPlane.kubeconfigPath('admin'));
  const kube = new KubeClient(config, { fieldManager: 'test', requestTimeoutMs: 5_000 });
  const stop = new AbortController();
  let failures = 0;
  const informer = new Informer({
    kube,
    resource: configMaps,
    namespace: 'default',
    backOff: { baseMs: 50, maxMs: 200 },
    onReport: ({ type }) => {
      if (type === 'failed') failures += 1;
    },
  });
  const ended = informer.run(stop.signal);
  try {
    await informer.synced;
    await controlPlane.killApiServer();
    await eventually(async () => (failures > 2 ? true : undefined), {
      what: 'the informer to notice',
      timeoutMs: 30_000,
    });
    await controlPlane.restartApiServer();
    await kube.create(configMaps, { metadata: { namespace: 'default', name: 'after' } });
    const found = await eventually(async () => informer.get('default/after'), {
      what: 'the object',
      timeoutMs: 30_000,
    });
    expect(found.metadata.name).toBe('after');
  } finally {
    stop.abort();
    await ended;
    await kube.close();
    await controlPlane.stop();
  }
});
