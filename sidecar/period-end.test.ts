import { afterEach, expect, test, vi } from 'vitest';
import { type Stage, startStage, until } from './testing/stage.ts';

// Real processes and sockets on a machine that may be busy: only what hangs fails.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let stage: Stage;
afterEach(async () => {
  await stage.close();
});

const totals = () => stage.operator.ledger('ledger-1').totals;

test('a request that comes after its period has ended waits for the next one', async () => {
  stage = await startStage({ env: { SAPAIBUDGET_WAIT_SECONDS: '20' } });
  await (await stage.chat('Hello [[out=5]]', { max_tokens: 20 })).text();
  await until(() => totals().settled > 0n);
  const { period } = stage.operator.ledger('ledger-1');
  period.endMs = Date.now();
  // The lease that was given before was cut when it was given: a restart asks for one now.
  await stage.restart();
  await until(async () => (await fetch(`${stage.sidecar.adminOrigin}/readyz`)).ok);
  const answer = stage.chat('Hello [[out=5]]', { max_tokens: 20 });
  await until(() => stage.operator.messages.some((m) => m.kind === 'report' && m.ask && m.incarnation === 2));
  const { settled } = totals();
  const ledger = { ...stage.budget.ledger, uid: 'ledger-2', name: 'team-a.chat.2026-12' };
  ledger.period = { name: '2026-12', startMs: period.endMs, endMs: period.endMs + 86_400_000 };
  stage.operator.configure([{ ...stage.budget, ledger }]);
  expect((await answer).status).toBe(200);
  await until(() => stage.operator.ledger('ledger-2').totals.settled > 0n);
  expect(totals()).toMatchObject({ settled, outstanding: 0n, held: 0n });
});

test('a request after its period gets an answer that says to repeat it, if no next period comes', async () => {
  stage = await startStage({ env: { SAPAIBUDGET_WAIT_SECONDS: '0.2' } });
  stage.operator.ledger('ledger-1').period.endMs = Date.now();
  const answer = await stage.chat('Hello', { max_tokens: 20 });
  expect([answer.status, await answer.json()]).toMatchObject([503, { error: { code: 'lease_unavailable' } }]);
  expect(answer.headers.get('retry-after')).toBe('2');
  expect(totals()).toMatchObject({ settled: 0n, outstanding: 0n });
});
