import { afterAll, beforeAll, expect, test } from 'vitest';
import { installCustomResources } from '../../test/control-plane/custom-resources.ts';
import { startControlPlane } from '../../test/control-plane/start.ts';
import type { ControlPlane } from '../../test/control-plane/start.ts';
import { startEmulator } from '../../test/sap-emulator/emulator.ts';
import type { Emulator } from '../../test/sap-emulator/emulator.ts';
import { startFixture } from '../testing/operator-fixture.ts';
import type { OperatorFixture } from '../testing/operator-fixture.ts';

let controlPlane: ControlPlane;
let fixture: OperatorFixture;
let emulator: Emulator;

beforeAll(async () => {
  // Its own, because an operator looks after every budget of a cluster.
  [controlPlane, emulator] = await Promise.all([startControlPlane(), startEmulator()]);
  await installCustomResources(controlPlane);
  fixture = await startFixture(controlPlane);
});
afterAll(async () => {
  await fixture?.stop();
  await emulator?.close();
  await controlPlane?.stop();
});

test('a budget with a good key becomes ready', async () => {
  const namespace = await fixture.createNamespace();
  await fixture.putSecret(namespace, { key: JSON.stringify(emulator.serviceKey()) });
  await fixture.putBudget(namespace, {
    aiCore: { serviceKeySecretRef: { name: 'aicore-key' } },
    monthlyLimit: '2500',
  });
  await fixture.condition(namespace, { type: 'Ready', status: 'True', reason: 'Ready' });
  const budget = await fixture.budget(namespace);
  console.log(
    JSON.stringify(budget, null, 1),
    (await controlPlane.kubectlRun(['get', 'sail,saib,sairc', '-A'])).stdout,
    fixture.logged.slice(-20).join(''),
  );
  expect(budget?.status).toMatchObject({ limit: '2500', spent: '0', remaining: '2500' });
});
