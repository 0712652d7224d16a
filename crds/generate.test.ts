import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generatedFiles } from './generate.ts';

test.each(generatedFiles())('$path is what the schemas say (else: make generate)', ({ path, content }) => {
  expect(readFileSync(path, 'utf8')).toBe(content);
});

test('the same schemas give the same files', () => {
  expect(generatedFiles()).toEqual(generatedFiles());
});
