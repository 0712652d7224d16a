import { describe, expect, test } from 'vitest';
import { parseApiKey } from './usage-keys.ts';

const credentials = {
  clientid: 'sb-1!b1|uas!b2',
  clientsecret: 'secret-7f3a$=',
  url: 'https://acme-ga.authentication.eu10.hana.ondemand.com',
  identityzone: 'acme-ga',
};
const target_url = 'https://uas-reporting.cfapps.eu10.hana.ondemand.com';
const tokenUrl = `${credentials.url}/oauth/token`;
const options = { allowedHosts: [] };

function document(members: object): Record<string, string> {
  return { key: JSON.stringify(members) };
}

const { url: _url, ...withoutUrl } = credentials;
const btpOperator = {
  target_url,
  uaa: JSON.stringify(credentials),
  plan: 'reporting-ga-admin',
  '.metadata': JSON.stringify({
    metaDataProperties: [{ name: 'plan', format: 'text' }],
    credentialProperties: [
      { name: 'target_url', format: 'text' },
      { name: 'uaa', format: 'json' },
    ],
  }),
};

describe('a key of usage data', () => {
  test.each([
    { name: 'flat', entries: document({ target_url, ...credentials }) },
    { name: 'with credentials below uaa', entries: document({ target_url, uaa: credentials }) },
    {
      name: 'with the token host in uaa_url',
      entries: document({ target_url, uaa_url: credentials.url, ...withoutUrl }),
    },
    { name: 'wrapped in credentials', entries: document({ credentials: { target_url, ...credentials } }) },
    { name: 'flat, as the BTP operator writes it', entries: { target_url, ...credentials } },
    { name: 'nested, as the BTP operator writes it', entries: btpOperator },
    {
      name: 'with the path of its API',
      entries: document({ target_url: `${target_url}/reports/v1/`, ...credentials }),
    },
  ])('is read $name', ({ entries }) => {
    const { clientSecret, ...key } = parseApiKey('usage', entries, options);
    expect(key).toEqual({
      clientId: credentials.clientid,
      tokenUrl,
      apiUrl: `${target_url}/reports/v1`,
      identityZone: 'acme-ga',
    });
    expect(clientSecret.reveal()).toBe(credentials.clientsecret);
  });

  test.each([
    {
      name: 'has no address',
      entries: document(credentials),
      reason: 'ServiceKeyIncomplete',
      says: 'no target_url',
    },
    {
      name: 'has no secret',
      entries: document({ target_url, ...credentials, clientsecret: undefined }),
      reason: 'ServiceKeyIncomplete',
      says: 'no clientsecret',
    },
    {
      name: 'has a certificate',
      entries: document({ target_url, ...credentials, clientsecret: undefined, certificate: 'PEM' }),
      reason: 'CertificateKeyUnsupported',
      says: 'credential-type binding-secret',
    },
    {
      name: 'has a number as client',
      entries: document({ target_url, ...credentials, clientid: 7 }),
      reason: 'ServiceKeyMalformed',
      says: 'clientid has the wrong form',
    },
    {
      name: 'names a host inside the cluster',
      entries: document({ target_url: 'https://vault.secrets.svc', ...credentials }),
      reason: 'UrlNotAllowed',
      says: 'target_url names the host vault.secrets.svc',
    },
    { name: 'is no JSON', entries: { key: 'secret-7f3a' }, reason: 'ServiceKeyMalformed', says: 'as JSON' },
  ])('that $name is refused as $reason without its secret', ({ entries, reason, says }) => {
    const read = (): unknown => parseApiKey('usage', entries, options);
    expect(read).toThrow(expect.objectContaining({ reason, message: expect.stringContaining(says) }));
    expect(read).toThrow(expect.objectContaining({ message: expect.not.stringContaining('7f3a') }));
  });
});

test('a key of Service Manager has its address in sm_url', () => {
  const sm_url = 'https://service-manager.cfapps.eu10.hana.ondemand.com';
  expect(parseApiKey('serviceManager', document({ sm_url, ...credentials }), options)).toMatchObject({
    tokenUrl,
    apiUrl: `${sm_url}/v1`,
  });
  expect(() => parseApiKey('serviceManager', document({ target_url, ...credentials }), options)).toThrow(
    'has no sm_url: store the whole key of Service Manager',
  );
});
