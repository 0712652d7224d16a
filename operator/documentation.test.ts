import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { settingNames } from './config.ts';

const page = readFileSync(new URL('../docs/operator.md', import.meta.url), 'utf8');
const folder = fileURLToPath(new URL('.', import.meta.url));

test('every setting is on the page of the operator, and no other', () => {
  const named = page.match(/(?<=^\| `)SAPAIBUDGET_\w+/gm) ?? [];
  expect(named.toSorted()).toEqual(settingNames.toSorted());
});

/** Words that end up as the reason of a condition that is not well, as the code writes them. */
function reasonsInCode(): string[] {
  const files = globSync(['budget/**/*.ts', 'usage/**/*.ts'], { cwd: folder }).filter(
    (file) => !file.endsWith('.test.ts'),
  );
  const code = files.map((file) => readFileSync(`${folder}/${file}`, 'utf8')).join('\n');
  const written = code.matchAll(
    /(?:reason: |reason = |(?:stalled|missing|broken|refused)\(\s*|\? |WithoutRate = )'([A-Z][A-Za-z]+)'/g,
  );
  const errors = readFileSync(`${folder}/sap/sap-error.ts`, 'utf8').matchAll(/^ {2}\| '([A-Z][A-Za-z]+)'/gm);
  return [...written, ...errors].map((match) => match[1] ?? '');
}

test('every reason for a budget that is not ready is on the page', () => {
  // Nobody sees the first as a condition, the second begins the note of an event; the others are of conditions that are well.
  const others = new Set([
    'BudgetUnavailable',
    'Budget',
    'CapacityLeft',
    'WithinCap',
    'Normal',
    'Ready',
    'UsageSynced',
    'Entitled',
  ]);
  const reasons = new Set(reasonsInCode().filter((reason) => !others.has(reason)));
  expect(reasons.size).toBeGreaterThan(20);
  expect([...reasons].filter((reason) => !page.includes(`\`${reason}\``))).toEqual([]);
});
