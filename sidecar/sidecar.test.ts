import { afterEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { parseAmount } from '../accounting/amount.ts';
import { type Stage, startStage, until } from './testing/stage.ts';

// Real processes and sockets on a machine that may be busy: only what hangs fails.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let stage: Stage;
afterEach(async () => stage.close());

test('a call is answered, priced exactly and booked in the ledger', async () => {
  stage = await startStage();
  const answer = await stage.chat('What is the capital of France? [[out=300]]', { max_tokens: 400 });
  expect(answer.status).toBe(200);
  const body = z.object({ usage: z.unknown() }).parse(await answer.json());
  const [entry] = stage.emulator.books.read().entries;
  expect(body.usage).toMatchObject({ prompt_tokens: entry?.promptTokens, completion_tokens: 300 });
  const actual = parseAmount(answer.headers.get('sapaibudget-cu-actual') ?? '');
  const exact = Number(entry?.capacityUnits) * 1e9;
  expect(Number(actual)).toBe(Math.ceil(exact));
  await until(() => stage.operator.ledger('ledger-1').totals.settled === actual);
});
