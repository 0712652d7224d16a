import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

const least = { SAPAIBUDGET_NAMESPACE: 'sap-ai-budget' };

test('the namespace is enough', () => {
  expect(readConfig(least)).toMatchObject({
    namespace: 'sap-ai-budget',
    listen: { host: '0.0.0.0', port: 9443 },
    adminListen: { host: '0.0.0.0', port: 9444 },
    advertisedNames: [
      'sap-ai-budget-operator.sap-ai-budget.svc',
      'sap-ai-budget-operator.sap-ai-budget.svc.cluster.local',
    ],
    allowedSapHosts: [],
    refreshMs: 60_000,
    leaseSeconds: 300,
    keepLedgerMonths: 12,
    logLevel: 'info',
  });
});

test('all settings are read', () => {
  const config = readConfig({
    ...least,
    SAPAIBUDGET_LISTEN: '[::1]:1',
    SAPAIBUDGET_ADMIN_LISTEN: 'localhost:2',
    SAPAIBUDGET_ADVERTISED_NAMES: 'localhost, 127.0.0.1',
    SAPAIBUDGET_ALLOWED_SAP_HOSTS: '.corp.example,emulator:8080',
    SAPAIBUDGET_REFRESH_SECONDS: '5',
    SAPAIBUDGET_LEASE_SECONDS: '30',
    SAPAIBUDGET_LOG_LEVEL: 'debug',
  });
  expect(config).toMatchObject({
    listen: { host: '::1', port: 1 },
    adminListen: { host: 'localhost', port: 2 },
    advertisedNames: ['localhost', '127.0.0.1'],
    allowedSapHosts: ['.corp.example', 'emulator:8080'],
    refreshMs: 5_000,
    leaseSeconds: 30,
    logLevel: 'debug',
  });
});

test.each([
  { env: {}, says: 'SAPAIBUDGET_NAMESPACE: must be set' },
  { env: { ...least, SAPAIBUDGET_NAMESPACE: 'A/B' }, says: 'SAPAIBUDGET_NAMESPACE: must be a namespace' },
  { env: { ...least, SAPAIBUDGET_LISTEN: '9443' }, says: 'SAPAIBUDGET_LISTEN: must be host:port' },
  { env: { ...least, SAPAIBUDGET_LISTEN: 'a:99999' }, says: 'SAPAIBUDGET_LISTEN: must have a port' },
  { env: { ...least, SAPAIBUDGET_LEASE_SECONDS: '1' }, says: 'SAPAIBUDGET_LEASE_SECONDS: must be 5 to 3600' },
  {
    env: { ...least, SAPAIBUDGET_REFRESH_SECONDS: 'often' },
    says: 'SAPAIBUDGET_REFRESH_SECONDS: must be 1 to 3600',
  },
  { env: { ...least, SAPAIBUDGET_LEASE_SECONDS: '7.5' }, says: 'must be a whole number of seconds' },
  { env: { ...least, SAPAIBUDGET_LOG_LEVEL: 'loud' }, says: 'must be debug, info, warn or error' },
])('a start with a bad setting is refused: $says', ({ env, says }) => {
  expect(() => readConfig(env)).toThrow(says);
});
