import { expect, test } from 'vitest';
import { allowUrl } from './url-policy.ts';

const allowedHosts = ['emulator.test:8080', '.corp.example', 'bare.example'];

test.each([
  'https://acme.authentication.eu10.hana.ondemand.com',
  'https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com/v2',
  'http://127.0.0.1:4321',
  'http://127.8.8.8',
  'http://localhost:99',
  'http://[::1]:4321',
  'http://emulator.test:8080',
  'http://a.corp.example',
  'https://bare.example:444',
])('%s may be called', (url) => {
  expect(allowUrl(url, { member: 'url', allowedHosts }).href).toContain(new URL(url).host);
});

test.each([
  { url: 'http://acme.authentication.eu10.hana.ondemand.com', says: 'must begin with https://' },
  { url: 'https://hana.ondemand.com.evil.example', says: "none of SAP's" },
  { url: 'https://evilhana.ondemand.com', says: "none of SAP's" },
  { url: 'https://kubernetes.default.svc', says: 'host kubernetes.default.svc' },
  { url: 'https://169.254.169.254/latest', says: "none of SAP's" },
  { url: 'https://10.0.0.1', says: "none of SAP's" },
  { url: 'http://127.0.0.1.evil.example', says: "none of SAP's" },
  { url: 'http://emulator.test:8081', says: "none of SAP's" },
  { url: 'https://corp.example', says: "none of SAP's" },
  { url: 'https://me:hunter2@api.ml.hana.ondemand.com', says: 'neither user, query nor fragment' },
  { url: 'https://api.ml.hana.ondemand.com/?x=hunter2', says: 'neither user, query nor fragment' },
  { url: 'file:///etc/passwd', says: 'must begin with https://' },
  { url: 'hunter2', says: 'is not a URL' },
])('$url is refused', ({ url, says }) => {
  expect(() => allowUrl(url, { member: 'serviceurls.AI_API_URL', allowedHosts })).toThrow(says);
  expect(() => allowUrl(url, { member: 'serviceurls.AI_API_URL', allowedHosts })).toThrow(
    'serviceurls.AI_API_URL',
  );
  expect(() => allowUrl(url, { member: 'url', allowedHosts })).not.toThrow('hunter2');
});
