import { expect, test } from 'vitest';
import { searchSecrets } from './secret-search.ts';

const secret = { name: 'client secret', value: 'se$cret=value/+with|signs' };

test.each([
  { form: 'plain', text: `log line ${secret.value} end` },
  { form: 'as JSON text', text: JSON.stringify({ nested: JSON.stringify({ s: secret.value }) }) },
  { form: 'base64', text: `{"data":"${Buffer.from(secret.value).toString('base64')}"}` },
  { form: 'form-encoded', text: `client_secret=${encodeURIComponent(secret.value)}&x=1` },
])('finds a planted secret that is $form', ({ text, form }) => {
  const found = searchSecrets([secret], [{ name: 'place', text }]);
  expect(found.map((finding) => finding.form)).toContain(form);
  expect(JSON.stringify(found)).not.toContain(secret.value);
});

test('finds a private key that was stored with its line breaks escaped', () => {
  const key = {
    name: 'private key',
    value: '-----BEGIN PRIVATE KEY-----\nMIGH\nAgEA\n-----END PRIVATE KEY-----\n',
  };
  expect(searchSecrets([key], [{ name: 'object', text: JSON.stringify({ key: key.value }) }])).not.toEqual(
    [],
  );
});

test('finds nothing where nothing is', () => {
  expect(searchSecrets([secret], [{ name: 'place', text: 'an ordinary log line' }])).toEqual([]);
});
