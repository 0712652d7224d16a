import { describe, expect, test } from 'vitest';
import { AppKeys, tokenLifeSeconds } from './keys.ts';

const appKey = 'k'.repeat(40);
const keys = new AppKeys(appKey);
const nowMs = Date.UTC(2026, 10, 23);

describe('a raw key', () => {
  test.each([
    { key: `chat.${appKey}`, budget: 'chat' },
    { key: `team.a.chat.${appKey}`, budget: 'team.a.chat' },
    { key: appKey, budget: undefined },
    { key: `.${appKey}`, budget: undefined },
    { key: `chat.${appKey}x`, budget: undefined },
    { key: `chat.${appKey.slice(1)}`, budget: undefined },
    { key: '', budget: undefined },
  ])('$key names $budget', ({ key, budget }) => {
    expect(keys.budgetOfCredential(key, nowMs)).toBe(budget);
  });
});

describe('a token', () => {
  test('names its budget until it ends, also for another process with the same key', () => {
    const token = keys.issueToken('chat', nowMs);
    const other = new AppKeys(appKey);
    expect(other.budgetOfCredential(token, nowMs)).toBe('chat');
    expect(other.budgetOfCredential(token, nowMs + (tokenLifeSeconds - 1) * 1000)).toBe('chat');
    expect(other.budgetOfCredential(token, nowMs + tokenLifeSeconds * 1000)).toBeUndefined();
  });

  test('of another key, or changed anywhere, names nothing', () => {
    const token = keys.issueToken('chat', nowMs);
    expect(new AppKeys('x'.repeat(40)).budgetOfCredential(token, nowMs)).toBeUndefined();
    const [head, payload = '', signature] = token.split('.');
    const forged = Buffer.from(
      Buffer.from(payload, 'base64url').toString().replaceAll('chat', 'rich'),
    ).toString('base64url');
    for (const changed of [
      `${head}.${forged}.${signature}`,
      `${head}.${payload}.`,
      `${head}.${payload}`,
      `${token}A`.slice(0, -2),
    ])
      expect(keys.budgetOfCredential(changed, nowMs)).toBeUndefined();
  });
});
