import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { installCustomResources } from '../test/control-plane/custom-resources.ts';
import { eventually } from '../test/control-plane/eventually.ts';
import { startControlPlane } from '../test/control-plane/start.ts';
import type { ControlPlane } from '../test/control-plane/start.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const logLine = z.looseObject({ level: z.string(), msg: z.string() });
type LogLine = z.infer<typeof logLine>;

let controlPlane: ControlPlane;
let namespace: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  controlPlane = await startControlPlane();
  namespace = await controlPlane.createNamespace({ prefix: 'operator' });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => controlPlane?.stop());

interface Program {
  child: ChildProcess;
  lines: LogLine[];
  errors: string[];
  /** The first line with this message. */
  logged: (message: string | RegExp) => Promise<LogLine>;
  exited: Promise<unknown>;
}

function startProgram(env: Record<string, string> = {}): Program {
  const settings = {
    PATH: process.env['PATH'] ?? '',
    KUBECONFIG: controlPlane.kubeconfigPath('admin'),
    SAPAIBUDGET_NAMESPACE: namespace,
    SAPAIBUDGET_LISTEN: '127.0.0.1:0',
    SAPAIBUDGET_ADMIN_LISTEN: '127.0.0.1:0',
    SAPAIBUDGET_ADVERTISED_NAMES: 'localhost',
  };
  const child = spawn(process.execPath, [main], {
    env: { ...settings, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const lines: LogLine[] = [];
  const errors: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(logLine.parse(JSON.parse(line))));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  const logged = (message: string | RegExp): Promise<LogLine> =>
    eventually(
      async () =>
        lines.find(({ msg }) => (typeof message === 'string' ? msg === message : message.test(msg))),
      {
        what: `the log line ${message}`,
        timeoutMs: 30_000,
      },
    ).catch((cause: unknown) => {
      throw new Error(`${errors.join('')} ${JSON.stringify(lines.slice(-3))}`, { cause });
    });
  return { child, lines, errors, logged, exited: once(child, 'exit') };
}

async function get(port: unknown, path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`http://127.0.0.1:${String(port)}${path}`);
  return { status: answer.status, text: await answer.text() };
}

test('a bad setting ends the start, and each of them is named', async () => {
  const program = startProgram({ SAPAIBUDGET_LISTEN: 'nowhere', SAPAIBUDGET_LEASE_SECONDS: 'x' });
  expect(await program.exited).toEqual([2, null]);
  expect(program.errors.join('')).toMatch(/SAPAIBUDGET_LISTEN: must be host:port.*SAPAIBUDGET_LEASE_SECONDS/);
});

test('without CRDs the operator says what to do, is not ready, and goes on once they are there', async () => {
  const program = startProgram();
  const missing = await program.logged(/does not know SapAiBudget, SapAiRateCard, SapAiLedger/);
  expect(missing).toMatchObject({
    level: 'error',
    reason: 'crds_missing',
    msg: expect.stringContaining('kubectl apply'),
  });
  const { port } = await program.logged('admin listens');
  expect(await get(port, '/healthz')).toEqual({ status: 200, text: 'ok\n' });
  expect(await get(port, '/readyz')).toEqual({ status: 503, text: 'not ready\n' });

  await installCustomResources(controlPlane);
  await program.logged('operator serves sidecars');
  expect(await get(port, '/readyz')).toEqual({ status: 200, text: 'ok\n' });
  expect((await get(port, '/metrics')).text).toContain('sapaibudget_build_info{version="');
  const card = await controlPlane.kubectlRun([
    'get',
    'sairc',
    'default',
    '-o',
    'jsonpath={.spec.factors[*].from}',
  ]);
  expect(card.stdout).toBe('2024-12-19 2025-10-22');

  program.child.kill('SIGTERM');
  expect(await program.exited).toEqual([0, null]);
  expect(program.lines.at(-1)?.msg).toBe('operator stopped');
  expect(program.lines.filter(({ level }) => level === 'fatal')).toEqual([]);
});

test('a rate card that is there is left as it is', async () => {
  const factors = [{ from: '2025-01-01', capacityUnitsPerGenAiToken: '3', source: 'contract' }];
  const manifest = {
    apiVersion: 'sapai.eerly.ai/v1alpha1',
    kind: 'SapAiRateCard',
    metadata: { name: 'default' },
    spec: { factors },
  };
  await controlPlane.kubectlRun(['apply', '--server-side', '--force-conflicts', '-f', '-'], {
    input: JSON.stringify(manifest),
  });
  const read = (): Promise<{ stdout: string }> =>
    controlPlane.kubectlRun(['get', 'sairc', 'default', '-o', 'jsonpath={.spec}']);
  const before = await read();
  const program = startProgram();
  await program.logged('operator serves sidecars');
  expect(before.stdout).toContain('"3"');
  expect((await read()).stdout).toBe(before.stdout);
});

test('an API server that goes away and comes back does not end the operator', async () => {
  const program = startProgram();
  const { adminPort } = await program.logged('operator serves sidecars');
  await controlPlane.restartApiServer();
  await controlPlane.kubectlRun(['apply', '--server-side', '-f', '-'], {
    input: JSON.stringify({
      apiVersion: 'sapai.eerly.ai/v1alpha1',
      kind: 'SapAiRateCard',
      metadata: { name: 'later' },
      spec: { factors: [{ from: '2025-01-01', capacityUnitsPerGenAiToken: '3', source: 'contract' }] },
    }),
  });
  const ready = await eventually(
    async () => {
      const path = 'jsonpath={.status.conditions[0].status}';
      const { stdout } = await controlPlane.kubectlRun(['get', 'sairc', 'later', '-o', path]);
      return stdout === '' ? undefined : stdout;
    },
    { what: 'the status of a card that was made later', timeoutMs: 90_000 },
  );
  expect(ready).toBe('True');
  expect(await get(adminPort, '/readyz')).toEqual({ status: 200, text: 'ok\n' });
});
