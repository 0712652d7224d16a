import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';

const page = readFileSync(join(import.meta.dirname, '../docs/answers.md'), 'utf8');

function sources(): string[] {
  return readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.startsWith('testing/'))
    .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'));
}

function headersIn(text: string, quote: string): Set<string> {
  return new Set(text.match(new RegExp(`(?<=${quote})sapaibudget-[a-z-]+(?=${quote})`, 'g')));
}

test('the page about answers names every header that the sidecar writes, and no other', () => {
  const sent = headersIn(sources().join('\n'), "'");
  expect(sent).toContain('sapaibudget-cu-actual');
  expect(headersIn(page, '`')).toEqual(sent);
});

test('the metrics that the page about answers names exist', () => {
  const names = page.match(/(?<=`)(?:sapaibudget|gen_ai)_[a-z_]+(?=`)/g) ?? [];
  expect(names).not.toHaveLength(0);
  const { registry } = createMetrics();
  expect(names.filter((name) => registry.getSingleMetric(name) === undefined)).toEqual([]);
});
