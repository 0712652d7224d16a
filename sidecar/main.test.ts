import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { type SidecarProcess, startSidecarProcess } from './testing/sidecar-process.ts';
import { appKey, miniDeployment, type Stage, sidecarEnv, startStage, until } from './testing/stage.ts';

// Real processes and sockets on a machine that may be busy: only what hangs fails.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let stage: Stage | undefined;
const processes: SidecarProcess[] = [];
afterEach(async () => {
  for (const { child } of processes.splice(0)) child.kill('SIGKILL');
  await stage?.close();
});

/** The stage's own sidecar ends; a process of its own takes over. */
async function stageWithoutSidecar(options: Parameters<typeof startStage>[0] = {}): Promise<Stage> {
  stage = await startStage(options);
  await stage.sidecar.close();
  return stage;
}

async function start(
  on: Stage,
  { env = {}, limit }: { env?: Record<string, string>; limit?: string } = {},
): Promise<SidecarProcess> {
  const sidecar = await startSidecarProcess({ ...sidecarEnv(on.folder, on.operator.url), ...env }, limit);
  processes.push(sidecar);
  await until(async () => (await fetch(`${sidecar.adminOrigin}/readyz`)).ok);
  return sidecar;
}

function chat(sidecar: SidecarProcess, text: string, rest: Record<string, unknown> = {}): Promise<Response> {
  return fetch(
    `${sidecar.origin}/v2/inference/deployments/${miniDeployment}/chat/completions?api-version=2024-10-21`,
    {
      method: 'POST',
      headers: { 'api-key': `chat.${appKey}` },
      body: JSON.stringify({ messages: [{ role: 'user', content: text }], max_tokens: 200, ...rest }),
    },
  );
}

const totals = () => stage?.operator.ledger('ledger-1').totals ?? { settled: 0n, held: 0n, outstanding: 0n };

test(
  'SIGKILL in mid-traffic holds what was under way and loses nothing else',
  { timeout: 60_000 },
  async () => {
    const on = await stageWithoutSidecar({ cap: '100' });
    for (let round = 1; round <= 4; round += 1) {
      const sidecar = await start(on);
      await (await chat(sidecar, 'Hello [[out=30]]')).text();
      const before = on.emulator.books.read().entries.length;
      const calls = ['[[fault=never-answers]]', '[[out=50]][[delay=50]][[fault=slow-chunks]]'].map((text) =>
        chat(sidecar, text, { stream: true })
          .then((answer) => answer.text())
          .catch(() => 'cut'),
      );
      await until(() => on.emulator.books.read().entries.length >= before + 1);
      sidecar.child.kill('SIGKILL');
      await Promise.all(calls);
      const next = await start(on);
      await until(() => totals().held > 0n);
      const [row] = on.operator.ledger('ledger-1').rows.values();
      expect(row?.unknownCosts).toMatchObject([{ reason: 'process_killed' }]);
      const billed = BigInt(Math.ceil(Number(on.emulator.books.read().totals.capacityUnits) * 1e9));
      expect(billed).toBeLessThanOrEqual(totals().settled + totals().held);
      expect(on.operator.ledger('ledger-1').rows.get('pod:under-test')?.lost).toBe(0n);
      expect((await chat(next, 'Hello again [[out=5]]')).status).toBe(200);
      next.child.kill('SIGTERM');
      expect(await next.ended).toBe(0);
      expect(totals().outstanding).toBe(0n);
    }
  },
);

test('SIGTERM drains, returns the idle lease and ends with 0; new requests are refused meanwhile', async () => {
  const on = await stageWithoutSidecar();
  const sidecar = await start(on, { env: { SAPAIBUDGET_DRAIN_SECONDS: '5' } });
  const slow = chat(sidecar, '[[out=40]][[delay=30]][[fault=slow-chunks]]', { stream: true });
  const answer = await slow;
  sidecar.child.kill('SIGTERM');
  await until(async () => (await fetch(`${sidecar.adminOrigin}/readyz`)).status === 503);
  const refused = await chat(sidecar, 'Hello');
  expect([refused.status, await refused.json()]).toMatchObject([503, { error: { code: 'shutting_down' } }]);
  expect(await answer.text()).toContain('[DONE]');
  expect(await sidecar.ended).toBe(0);
  expect(totals()).toMatchObject({ outstanding: 0n, held: 0n });
  expect(totals().settled).toBeGreaterThan(0n);
});

test('a second process on the same port ends without touching the journal', async () => {
  const on = await stageWithoutSidecar();
  const first = await start(on);
  await (await chat(first, 'Hello')).text();
  const listen = new URL(first.origin).host;
  await expect(
    startSidecarProcess({ ...sidecarEnv(on.folder, on.operator.url), SAPAIBUDGET_LISTEN: listen }),
  ).rejects.toThrow('EADDRINUSE');
  expect((await chat(first, 'Hello')).status).toBe(200);
});

test('settings that cannot be used end the start with 2 and a sentence, without a stack', async () => {
  const on = await stageWithoutSidecar();
  const env = { ...sidecarEnv(on.folder, on.operator.url), SAPAIBUDGET_WAIT_SECONDS: 'soon' };
  await expect(startSidecarProcess(env)).rejects.toThrow(
    /^the sidecar ended with 2: sap-ai-budget sidecar: these settings cannot be used: SAPAIBUDGET_WAIT_SECONDS: must be 0 to 300 seconds$/,
  );
});

test('a process that finds itself replaced by a newer one ends with 1', async () => {
  const on = await stageWithoutSidecar();
  const sidecar = await start(on);
  await (await chat(sidecar, 'Hello')).text();
  const ledger = on.operator.ledger('ledger-1');
  const row = ledger.rows.get('pod:under-test');
  if (row === undefined) throw new Error('the sidecar has no row');
  ledger.rows.set(row.key, { ...row, incarnation: row.incarnation + 1 });
  await (await chat(sidecar, 'Hello')).text();
  expect(await sidecar.ended).toBe(1);
});

test('a full volume refuses new requests and forgets none', async () => {
  const on = await stageWithoutSidecar();
  // Files of this process may not grow at all: every write to the journal fails.
  const sidecar = await start(on, { limit: 'ulimit -f 0' });
  const refused = await chat(sidecar, 'Hello');
  expect([refused.status, await refused.json()]).toMatchObject([
    503,
    { error: { code: 'journal_unavailable' } },
  ]);
  expect(on.emulator.books.read().entries).toEqual([]);
});

test('a journal that has no more room is made smaller and work goes on', { timeout: 30_000 }, async () => {
  const on = await stageWithoutSidecar({ cap: '1000' });
  const sidecar = await start(on, { limit: 'ulimit -f 4' });
  for (let index = 0; index < 25; index += 1)
    expect((await chat(sidecar, 'Hello [[out=1]]')).status).toBe(200);
  expect(readFileSync(path.join(on.folder, 'journal', 'ledger-1.journal'), 'utf8')).toContain(
    '"type":"snapshot"',
  );
});

test('neither log nor journal holds the app key, the SAP token or the bound token', async () => {
  const on = await stageWithoutSidecar();
  const sidecar = await start(on, { env: { SAPAIBUDGET_LOG_LEVEL: 'debug' } });
  await (await chat(sidecar, 'Hello')).text();
  await chat(sidecar, 'x', { tools: 'wrong' });
  // The log comes through a pipe, a moment later.
  await until(() => sidecar.log().includes('request refused'));
  const { accessToken } = await on.operator.sapToken();
  const journal = path.join(on.folder, 'journal');
  const files = readdirSync(journal).map((name) => readFileSync(path.join(journal, name), 'utf8'));
  const written = [sidecar.log(), ...files].join('\n');
  expect(written).toContain('"type":"settle"');
  expect(written).toContain('request booked');
  for (const secret of [appKey, accessToken, on.operator.bearer]) expect(written).not.toContain(secret);
});
