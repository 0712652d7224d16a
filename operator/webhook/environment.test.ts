import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applicationEnv } from './application-env.ts';
import { exemptLoopback } from './no-proxy.ts';
import type { EnvVar } from './pod.ts';

const keys = { budget: 'chat', appKey: 'k'.repeat(43), resourceGroup: 'default' };
const sap = [
  'AICORE_SERVICE_KEY',
  'AICORE_AUTH_URL',
  'AICORE_BASE_URL',
  'AICORE_CLIENT_ID',
  'AICORE_CLIENT_SECRET',
];
const proxies = ['HTTP_PROXY', 'https_proxy', 'NO_PROXY', 'no_proxy'];

const name = fc.constantFrom(
  ...sap,
  ...proxies,
  'AICORE_RESOURCE_GROUP',
  'OPENAI_API_KEY',
  'OPENAI_BASE_URL',
  'MODE',
  'LEVEL',
);
const list = fc.array(fc.constantFrom('.svc', 'a.example', 'localhost', '127.0.0.1', '10.0.0.0/8', ''), {
  maxLength: 4,
});
const value = fc.record({ name, value: list.map((entries) => entries.join(',')) });
const reference = fc.record({ name, valueFrom: fc.constant({ configMapKeyRef: { name: 'c', key: 'k' } }) });
/** As Kubernetes takes it: each name once. */
const env = fc.uniqueArray(fc.oneof(value, reference), { maxLength: 12, selector: (entry) => entry.name });

function redirect(given: readonly EnvVar[], hasEnvFrom: boolean): EnvVar[] {
  return exemptLoopback(applicationEnv(given, keys), hasEnvFrom);
}

function entriesOf(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((entry) => entry !== '');
}

function pair(all: readonly EnvVar[]): EnvVar[] {
  return all.filter((entry) => entry.name === 'OPENAI_API_KEY' || entry.name === 'OPENAI_BASE_URL');
}

describe('for any variables of a container', () => {
  test('doing it again changes nothing, and each name is there once', () => {
    fc.assert(
      fc.property(env, fc.boolean(), (given, hasEnvFrom) => {
        const once = redirect(given, hasEnvFrom);
        expect(redirect(once, hasEnvFrom)).toEqual(once);
        expect(new Set(once.map((entry) => entry.name)).size).toBe(once.length);
      }),
    );
  });

  test("SAP's variables are ours, and what is none of our business stays in its order", () => {
    fc.assert(
      fc.property(env, fc.boolean(), (given, hasEnvFrom) => {
        const after = redirect(given, hasEnvFrom);
        expect(after.slice(0, sap.length)).toEqual(redirect([], false).slice(0, sap.length));
        const touched = new Set([
          ...sap,
          ...proxies,
          'OPENAI_API_KEY',
          'OPENAI_BASE_URL',
          'AICORE_RESOURCE_GROUP',
        ]);
        const others = given.filter((entry) => !touched.has(entry.name));
        expect(after.filter((entry) => others.some((other) => other.name === entry.name))).toEqual(others);
      }),
    );
  });

  test('a key for an account elsewhere is never sent to the sidecar, nor ours elsewhere', () => {
    fc.assert(
      fc.property(env, (given) => {
        const own = pair(given);
        expect(pair(redirect(given, false))).toEqual(own.length > 0 ? own : pair(redirect([], false)));
      }),
    );
  });

  test('with a proxy, both lists have the loopback address and all that either pod or twin had', () => {
    fc.assert(
      fc.property(env, (given) => {
        const after = redirect(given, false);
        const hasProxy = given.some((entry) => proxies.includes(entry.name));
        for (const listName of ['NO_PROXY', 'no_proxy']) {
          const found = after.find((entry) => entry.name === listName);
          expect(found !== undefined).toBe(hasProxy);
          const before = given.find((entry) => entry.name === listName);
          const wanted = hasProxy ? ['127.0.0.1', 'localhost'] : [];
          const had = before !== undefined && 'value' in before ? entriesOf(before.value) : [];
          expect(entriesOf(found?.value)).toEqual(expect.arrayContaining([...had, ...wanted]));
        }
      }),
    );
  });

  test('a list that comes from elsewhere is kept before it is referred to', () => {
    fc.assert(
      fc.property(env, (given) => {
        const after = redirect(given, false);
        const kept = after.findIndex((entry) => entry.name === 'SAPAIBUDGET_POD_NO_PROXY');
        const referring = after.findIndex((entry) => entry.value?.includes('$(SAPAIBUDGET_POD_NO_PROXY)'));
        expect(referring === -1 || (kept !== -1 && kept < referring)).toBe(true);
      }),
    );
  });

  test('of two lists from elsewhere, the first is kept, before both', () => {
    const valueFrom = { configMapKeyRef: { name: 'c', key: 'k' } };
    const given = [
      { name: 'no_proxy', valueFrom },
      { name: 'NO_PROXY', valueFrom },
    ];
    expect(exemptLoopback(given, false)).toEqual([
      { name: 'SAPAIBUDGET_POD_NO_PROXY', valueFrom },
      { name: 'NO_PROXY', value: '$(SAPAIBUDGET_POD_NO_PROXY),127.0.0.1,localhost' },
      { name: 'no_proxy', value: '$(SAPAIBUDGET_POD_NO_PROXY),127.0.0.1,localhost' },
    ]);
  });
});
