import { afterEach, describe, expect, test } from 'vitest';
import { appKey, type Stage, startStage } from './testing/stage.ts';

let stage: Stage;
afterEach(async () => stage.close());

const unifiedMetering = {
  useCaseId: 'AI-LPR001-REQUEST-0001-25Q4',
  productType: 'Product Name',
  businessMetric: { pattern: 'PAGES' as const, param: 1000 },
};

/** Headers of the last call that reached SAP. */
function sentHeaders(): Readonly<Record<string, string>> {
  return stage.emulator.captured.read({ route: 'chat', limit: 1 })[0]?.headers ?? {};
}

async function unmeteredCalls(): Promise<number> {
  const text = await (await fetch(`${stage.sidecar.adminOrigin}/metrics`)).text();
  return Number(/^sapaibudget_unmetered_header_calls_total\{.*\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

const auth = { 'content-type': 'application/json' };

describe('unified metering', () => {
  test('reaches SAP in all seven headers, with the request as business context', async () => {
    stage = await startStage({ budget: { unifiedMetering } });
    const response = await stage.chat('Hi', { max_tokens: 50 });
    expect(sentHeaders()).toMatchObject({
      'ai-resource-group': 'default',
      'x-usecase-id': 'AI-LPR001-REQUEST-0001-25Q4',
      'x-localtenant-id': '',
      'x-product-type': 'Product Name',
      'x-business-metric-pattern': 'PAGES',
      'x-business-metric-param': '1000',
      'x-business-context': response.headers.get('sapaibudget-request-id'),
    });
    expect(await unmeteredCalls()).toBe(0);
  });

  test('leaves to the client what it says itself', async () => {
    stage = await startStage({ budget: { unifiedMetering } });
    const own = { 'x-localtenant-id': 'tenant-7', 'x-business-context': 'order-4711' };
    const authorization = `Bearer chat.${appKey}`;
    await stage.chat('Hi', { max_tokens: 50 }, { headers: { ...auth, authorization, ...own } });
    expect(sentHeaders()).toMatchObject({ ...own, 'x-usecase-id': unifiedMetering.useCaseId });
  });

  test('is not there for a budget and a client that say nothing of it', async () => {
    stage = await startStage();
    await stage.chat('Hi', { max_tokens: 50 });
    expect(
      Object.keys(sentHeaders()).filter((name) => /^x-(business|usecase|product|local)/.test(name)),
    ).toEqual([]);
    expect(await unmeteredCalls()).toBe(0);
  });

  test('counts calls that SAP would leave out', async () => {
    stage = await startStage();
    const headers = { ...auth, authorization: `Bearer chat.${appKey}`, 'x-usecase-id': 'AI-1' };
    const response = await stage.chat('Hi', { max_tokens: 50 }, { headers });
    expect(response.status).toBe(200);
    expect(await unmeteredCalls()).toBe(1);
  });
});
