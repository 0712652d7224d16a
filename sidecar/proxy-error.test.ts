import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ProxyError, proxyReasons } from './proxy-error.ts';

const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');

test('docs/errors.md lists every reason with its status, and no other', () => {
  const listed = [...page.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(
    ([, reason, status]) => `${reason} ${status}`,
  );
  const known = proxyReasons.map((reason) => `${reason} ${new ProxyError(reason, '').status}`);
  expect(listed.toSorted()).toEqual(known.toSorted());
});
