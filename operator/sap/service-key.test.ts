import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { SapError } from './sap-error.ts';
import { fingerprint, parseServiceKey, subscriptionIdentities } from './service-key.ts';

const instance = '0c1f9a2e-0000-4000-8000-000000000001';
const key = {
  clientid: `sb-${instance}!b1001|aicore!b540`,
  clientsecret: 'very$secret=',
  url: 'https://acme.authentication.eu10.hana.ondemand.com',
  identityzone: 'acme',
  identityzoneid: '0c1f9a2e-0000-4000-8000-000000000002',
  serviceurls: { AI_API_URL: 'https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com' },
};
const { serviceurls, ...texts } = key;
const flat = { ...texts, serviceurls: JSON.stringify(serviceurls) };
const stringified = { ...flat, instance_name: 'aicore', instance_guid: instance };
const options = { allowedHosts: [] };

const wanted = {
  clientId: key.clientid,
  tokenUrl: `${key.url}/oauth/token`,
  apiUrl: `${serviceurls.AI_API_URL}/v2`,
  identityZone: key.identityzoneid,
  instanceId: instance,
};

function container(name: string): string {
  return JSON.stringify({ credentialProperties: [{ name, format: 'json', container: true }] });
}

describe('layouts', () => {
  test.each<{ name: string; entries: Record<string, string>; key?: string }>([
    { name: 'plain JSON in the only entry', entries: { 'key.json': JSON.stringify(key) } },
    { name: 'plain JSON in a named entry', entries: { a: '{}', b: JSON.stringify(key) }, key: 'b' },
    {
      name: 'plain JSON beside entries that are not JSON',
      entries: { note: 'hello', sk: JSON.stringify(key) },
    },
    { name: 'JSON with a wrapper', entries: { sk: JSON.stringify({ credentials: key }) } },
    { name: 'one entry per member', entries: flat },
    {
      name: 'one entry per member, with its description',
      entries: {
        ...stringified,
        tags: '["aicore"]',
        '.metadata': '{"credentialProperties":[{"name":"clientid","format":"text"}]}',
      },
    },
    {
      name: 'all members in an entry that .metadata names',
      entries: { creds: JSON.stringify(key), tags: '{}', '.metadata': container('creds') },
    },
    { name: 'all members as texts under one root', entries: { root: JSON.stringify(stringified) } },
    {
      name: 'members that end in a line break',
      entries: { ...flat, clientid: `${flat.clientid}\n`, clientsecret: `${flat.clientsecret}\n` },
    },
    { name: 'a description that is not JSON', entries: { ...flat, '.metadata': 'oops' } },
  ])('$name', ({ entries, key: entry }) => {
    const parsed = parseServiceKey(entries, { ...options, key: entry });
    expect(parsed).toMatchObject(wanted);
    expect(parsed.clientSecret.reveal()).toBe(key.clientsecret);
  });
});

function refusal(entries: Record<string, string>, entry?: string): SapError {
  try {
    parseServiceKey(entries, { ...options, key: entry });
  } catch (error) {
    if (error instanceof SapError) return error;
    throw error;
  }
  throw new Error('the key was accepted');
}

describe('refusals name what is wrong, never a value', () => {
  test.each<{ name: string; entries: Record<string, string>; key?: string; reason: string; says: string }>([
    { name: 'no entries', entries: {}, reason: 'ServiceKeyMalformed', says: 'entries: none' },
    {
      name: 'several documents',
      entries: { a: '{}', b: '{}' },
      reason: 'ServiceKeyMalformed',
      says: 'several entries of the Secret hold JSON (a, b)',
    },
    {
      name: 'a named entry that is missing',
      entries: { a: '{}' },
      key: 'b',
      reason: 'KeyNotFound',
      says: 'no entry "b" (entries: a)',
    },
    {
      name: 'a named entry of Object itself',
      entries: { a: '{}' },
      key: 'toString',
      reason: 'KeyNotFound',
      says: 'no entry "toString"',
    },
    {
      name: 'a named entry that is no JSON',
      entries: { a: 'very$secret' },
      key: 'a',
      reason: 'ServiceKeyMalformed',
      says: 'entry "a" of the Secret is not a JSON object',
    },
    {
      name: 'missing members',
      entries: { sk: JSON.stringify({ clientid: 'x', clientsecret: 'very$secret' }) },
      reason: 'ServiceKeyIncomplete',
      says: 'has no url, serviceurls',
    },
    {
      name: 'a missing API URL',
      entries: { sk: JSON.stringify({ ...key, serviceurls: {} }) },
      reason: 'ServiceKeyIncomplete',
      says: 'has no serviceurls.AI_API_URL',
    },
    {
      name: 'an empty member',
      entries: { sk: JSON.stringify({ ...key, clientsecret: ' ' }) },
      reason: 'ServiceKeyMalformed',
      says: 'clientsecret has the wrong form',
    },
    {
      name: 'broken JSON in a member',
      entries: { ...flat, serviceurls: '{"AI_API' },
      reason: 'ServiceKeyMalformed',
      says: 'serviceurls has the wrong form',
    },
    {
      name: 'a certificate',
      entries: { sk: JSON.stringify({ ...key, clientsecret: undefined, certificate: 'very$secret' }) },
      reason: 'CertificateKeyUnsupported',
      says: 'credential-type binding-secret',
    },
  ])('$name', ({ entries, key: entry, reason, says }) => {
    const error = refusal(entries, entry);
    expect(error.reason).toBe(reason);
    expect(error.message).toContain(says);
    expect(inspect(error)).not.toContain('very$secret');
  });
});

test('URLs with and without their usual path come to the same', () => {
  const entries = {
    sk: JSON.stringify({
      ...key,
      url: `${key.url}/oauth/token`,
      serviceurls: { AI_API_URL: `${serviceurls.AI_API_URL}/v2/` },
    }),
  };
  expect(parseServiceKey(entries, options)).toMatchObject(wanted);
});

test('a parsed key shows its secret neither as JSON nor when inspected', () => {
  const parsed = parseServiceKey(flat, options);
  expect(
    JSON.stringify(parsed) + inspect(parsed, { depth: 9, showHidden: true }) + parsed.clientSecret.toString(),
  ).not.toContain('very$secret');
});

test('keys with another secret have another fingerprint, and are of the same subscription', () => {
  const one = parseServiceKey(flat, options);
  const rotated = parseServiceKey({ ...flat, clientsecret: 'other' }, options);
  expect(fingerprint(rotated)).not.toBe(fingerprint(one));
  expect(subscriptionIdentities(rotated)).toEqual(subscriptionIdentities(one));
});

test('a key whose Secret names the instance shares an identity with one that does not', () => {
  const named = parseServiceKey({ ...flat, clientid: 'sb-custom', instance_guid: instance }, options);
  const plain = parseServiceKey(flat, options);
  expect(
    subscriptionIdentities(named).filter((one) => subscriptionIdentities(plain).includes(one)),
  ).toHaveLength(1);
});
