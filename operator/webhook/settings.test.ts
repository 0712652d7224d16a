import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../config.ts';

const settings = {
  image: 'registry.example/sap-ai-budget:0.1.0',
  command: ['node', '/app/sidecar/main.ts'],
  operatorUrl: 'https://operator.example:9443',
  resources: { requests: { cpu: '20m', memory: '96Mi' }, limits: { memory: '256Mi' } },
  journalSizeLimit: '16Mi',
  logLevel: 'info',
};

function read(injection?: string): ReturnType<typeof readConfig> {
  const env: Record<string, string> = { SAPAIBUDGET_NAMESPACE: 'sap-ai-budget' };
  if (injection !== undefined) env['SAPAIBUDGET_INJECTION'] = injection;
  return readConfig(env);
}

test('the operator reads what it puts into pods', () => {
  expect(read(JSON.stringify(settings)).injection).toEqual(settings);
});

test('without it nothing is put into pods', () => {
  expect(read().injection).toBeUndefined();
});

test.each([
  { what: 'no JSON', text: '{', says: 'SAPAIBUDGET_INJECTION: must be JSON' },
  {
    what: 'a word too much',
    text: JSON.stringify({ ...settings, imagePullpolicy: 'Always' }),
    says: 'imagePullpolicy',
  },
  {
    what: 'an operator without TLS',
    text: JSON.stringify({ ...settings, operatorUrl: 'http://operator.example' }),
    says: 'SAPAIBUDGET_INJECTION.operatorUrl',
  },
  {
    what: 'an amount that is none',
    text: JSON.stringify({ ...settings, journalSizeLimit: 'large' }),
    says: 'SAPAIBUDGET_INJECTION.journalSizeLimit: must be a quantity',
  },
])('it does not start with $what there, and says where', ({ text, says }) => {
  expect(() => read(text)).toThrow(ConfigError);
  expect(() => read(text)).toThrow(says);
});
