import { describe, expect, test } from 'vitest';
import { expandVariables, translator } from './translate.ts';

const translate = translator({
  paths: new Map([
    ['/etc/app', '/here/volumes/config'],
    ['/etc/app/certs/', '/here/volumes/certs'],
    ['/app/main.js', '/checkout/main.ts'],
  ]),
  podIp: '127.0.7.9',
  serviceAddress: (namespace, service) =>
    namespace === 'shop' && service === 'web' ? '127.96.1.2' : undefined,
});

describe('text of a pod', () => {
  test.each([
    { name: 'a mount path', given: '/etc/app', want: '/here/volumes/config' },
    { name: 'a file below it', given: '--file=/etc/app/a.txt', want: '--file=/here/volumes/config/a.txt' },
    {
      name: 'the longest path that fits',
      given: '/etc/app/certs/ca.crt',
      want: '/here/volumes/certs/ca.crt',
    },
    { name: 'a file of the image', given: 'node /app/main.js', want: 'node /checkout/main.ts' },
    {
      name: 'a sibling, which stays',
      given: '/etc/application /etc/app.d',
      want: '/etc/application /etc/app.d',
    },
    { name: 'the same words inside another path, which stay', given: '/usr/etc/app', want: '/usr/etc/app' },
    { name: 'its loopback address', given: 'http://127.0.0.1:80/x', want: 'http://127.0.7.9:80/x' },
    { name: 'localhost', given: '{"url":"http://localhost"}', want: '{"url":"http://127.0.7.9"}' },
    { name: 'all addresses', given: '0.0.0.0:80', want: '127.0.7.9:80' },
    { name: 'another address, which stays', given: '127.0.0.10 10.0.0.0.0', want: '127.0.0.10 10.0.0.0.0' },
    {
      name: 'other hosts, which stay',
      given: 'localhost.example my-localhost',
      want: 'localhost.example my-localhost',
    },
    { name: 'a Service', given: 'https://web.shop.svc:8443/', want: 'https://127.96.1.2:8443/' },
    { name: 'its long name', given: 'web.shop.svc.cluster.local.', want: '127.96.1.2.' },
    { name: 'an unknown Service, which stays', given: 'web.other.svc', want: 'web.other.svc' },
    {
      name: 'several in one text',
      given: '/etc/app,localhost,web.shop.svc',
      want: '/here/volumes/config,127.0.7.9,127.96.1.2',
    },
  ])('translates $name', ({ given, want }) => {
    expect(translate(given)).toBe(want);
  });
});

describe('variables', () => {
  const values = new Map([
    ['A', 'one'],
    ['B_2', '$(A)'],
  ]);
  test.each([
    { given: 'x$(A)y', want: 'xoney' },
    { given: '$(B_2)', want: '$(A)' },
    { given: '$(MISSING) $A ${A}', want: '$(MISSING) $A ${A}' },
    { given: '$$(A)', want: '$(A)' },
    { given: '$$$(A)', want: '$one' },
  ])('$given becomes $want', ({ given, want }) => {
    expect(expandVariables(given, values)).toBe(want);
  });
});
