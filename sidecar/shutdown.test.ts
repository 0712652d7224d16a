import { once } from 'node:events';
import net from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { appKey, miniDeployment, type Stage, startStage } from './testing/stage.ts';

// A real process and sockets on a machine that may be busy: only what hangs fails.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let stage: Stage;
afterEach(async () => stage.close());

test('a client that does not finish its request keeps nothing from being given back', async () => {
  stage = await startStage({ env: { SAPAIBUDGET_DRAIN_SECONDS: '0.1' } });
  await (await stage.chat('Hello [[out=5]]', { max_tokens: 20 })).text();
  const { totals } = stage.operator.ledger('ledger-1');
  expect(totals.outstanding).toBeGreaterThan(0n);
  const { hostname, port } = new URL(stage.sidecar.origin);
  const socket = net.connect(Number(port), hostname);
  const head = [
    `POST /v2/inference/deployments/${miniDeployment}/chat/completions HTTP/1.1`,
    'host: sidecar',
    `authorization: Bearer chat.${appKey}`,
    'content-length: 1000',
    'expect: 100-continue',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toContain('100 Continue');
  const closed = once(socket.resume(), 'close');
  await stage.sidecar.close();
  await closed;
  expect(totals.outstanding).toBe(0n);
});
