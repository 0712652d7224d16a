import { expect, test } from 'vitest';
import { ConfigError, readConfig } from './config.ts';

const appKey = 's3cret-'.repeat(6);
const least = {
  SAPAIBUDGET_OPERATOR_URL: 'https://operator.sap-ai-budget.svc:8443/',
  SAPAIBUDGET_APP_KEY: appKey,
};

test('two settings are enough', () => {
  expect(readConfig(least)).toMatchObject({
    listen: { host: '127.0.0.1', port: 15480 },
    adminListen: { host: '0.0.0.0', port: 15481 },
    operatorUrl: 'https://operator.sap-ai-budget.svc:8443',
    waitMs: 10_000,
    reportMs: 5000,
    maxBodyBytes: 16_777_216,
  });
});

test('addresses may be IPv6', () => {
  expect(readConfig({ ...least, SAPAIBUDGET_LISTEN: '[::1]:99' }).listen).toEqual({ host: '::1', port: 99 });
});

test.each([
  ['SAPAIBUDGET_OPERATOR_URL', 'http://operator'],
  ['SAPAIBUDGET_OPERATOR_URL', undefined],
  ['SAPAIBUDGET_APP_KEY', 'short-secret'],
  ['SAPAIBUDGET_LISTEN', '127.0.0.1'],
  ['SAPAIBUDGET_LISTEN', '127.0.0.1:99999'],
  ['SAPAIBUDGET_WAIT_SECONDS', 'soon'],
  ['SAPAIBUDGET_REPORT_SECONDS', '-1'],
  ['SAPAIBUDGET_MAX_BODY_BYTES', '0'],
])('%s = %s is refused by name, and no secret is shown', (name, value) => {
  const read = () => readConfig({ ...least, [name]: value });
  expect(read).toThrow(name);
  expect(read).not.toThrow(/s3cret|short-secret/);
});

test('every setting that cannot be used has one sentence', () => {
  const env = {
    SAPAIBUDGET_LISTEN: '1',
    SAPAIBUDGET_WAIT_SECONDS: 'soon',
    SAPAIBUDGET_MAX_BODY_BYTES: '1.5',
  };
  expect(() => readConfig(env)).toThrow(
    new ConfigError(
      'these settings cannot be used: SAPAIBUDGET_LISTEN: must be host:port, such as 127.0.0.1:15480; ' +
        'SAPAIBUDGET_OPERATOR_URL: must be set to the https URL of the operator; ' +
        'SAPAIBUDGET_APP_KEY: must be set to the key of the application, 32 to 256 characters; ' +
        'SAPAIBUDGET_WAIT_SECONDS: must be 0 to 300 seconds; ' +
        'SAPAIBUDGET_MAX_BODY_BYTES: must be 1024 to 268435456 bytes',
    ),
  );
});
