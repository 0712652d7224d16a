import { expect, test } from 'vitest';
import { createLog } from './log.ts';
import { SecretText } from './sap/secret-text.ts';

test('members with the names of secrets, and secret texts, are not logged', () => {
  const lines: string[] = [];
  const log = createLog('info', { write: (line) => lines.push(line) });
  log.info({ token: 'hunter2', key: { clientsecret: 'hunter2', deep: { accessToken: 'hunter2' } } }, 'one');
  log.info({ any: new SecretText('hunter2'), headers: { authorization: 'Bearer hunter2' } }, 'two');
  log.debug('not at this level');
  expect(lines).toHaveLength(2);
  expect(lines.join('')).not.toContain('hunter2');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'info',
    program: 'operator',
    msg: 'one',
    token: '[redacted]',
  });
});
