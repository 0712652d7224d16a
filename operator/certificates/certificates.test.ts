import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { connect } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { decideCertificates, trustedAuthorities } from './decide.ts';
import type { CertificateContents } from './decide.ts';
import { issueAuthority, issueLeaf } from './issue.ts';
import { renewCertificates } from './renew.ts';

const dayMs = 86_400_000;
const names = ['sap-ai-budget.operator.svc', 'localhost', '127.0.0.1', '::1'];
const start = new Date('2026-11-01T00:00:00Z');

function daysLater(days: number): Date {
  return new Date(start.getTime() + days * dayMs);
}

function issue(step: string, reason: string): object {
  return { action: 'issue', step, reason };
}

let fresh: CertificateContents;
beforeAll(async () => {
  fresh = (await renewCertificates({}, { names, now: start })).contents;
});

describe('new certificates', () => {
  test('are an ECDSA P-256 CA that may only sign, and a server certificate for the given names', () => {
    const authority = new X509Certificate(fresh['ca.crt'] ?? '');
    const leaf = new X509Certificate(fresh['tls.crt'] ?? '');
    expect({
      ca: [authority.ca, leaf.ca],
      curves: [authority, leaf].map(({ publicKey }) => publicKey.asymmetricKeyDetails?.namedCurve),
      issued: leaf.checkIssued(authority) && leaf.verify(authority.publicKey),
      names: leaf.subjectAltName,
      usage: leaf.keyUsage,
      until: [authority.validToDate, leaf.validToDate],
    }).toEqual({
      ca: [true, false],
      curves: ['prime256v1', 'prime256v1'],
      issued: true,
      names:
        'DNS:sap-ai-budget.operator.svc, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
      usage: ['1.3.6.1.5.5.7.3.1'],
      until: [daysLater(730), daysLater(90)],
    });
  });

  test('never outlive their CA', async () => {
    const authority = await issueAuthority(start);
    const leaf = await issueLeaf(authority, { names, now: daysLater(700) });
    expect(new X509Certificate(leaf.certificate).validToDate).toEqual(daysLater(730));
  });

  test('serve TLS to a client that trusts the bundle alone', async () => {
    const { contents } = await renewCertificates({}, { names, now: new Date() });
    const server = createServer({ cert: contents['tls.crt'], key: contents['tls.key'] });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    const socket = connect({ port: address.port, host: '127.0.0.1', ca: trustedAuthorities(contents) });
    await once(socket, 'secureConnect');
    expect(socket.authorized).toBe(true);
    socket.destroy();
    server.close();
  });
});

describe('decideCertificates', () => {
  const noLeaf = issue('leaf', 'there is no usable server certificate');

  test('keeps what is good until three fifths of the server certificate', () => {
    const decision = decideCertificates(fresh, daysLater(30), names);
    // Five minutes of backdating count as life.
    const renewAt = start.getTime() - 300_000 + 0.6 * (90 * dayMs + 300_000);
    expect(decision).toEqual({ action: 'keep', renewAt: new Date(renewAt) });
  });

  test.each<{ name: string; change: (good: CertificateContents) => CertificateContents; want: object }>([
    {
      name: 'asks for everything where there is nothing',
      change: () => ({}),
      want: issue('authority', 'there is no usable CA'),
    },
    {
      name: 'asks for a CA where its key is missing',
      change: (good) => ({ ...good, 'ca.key': undefined }),
      want: issue('authority', 'there is no usable CA'),
    },
    {
      name: "asks for a CA where the key is another one's",
      change: (good) => ({ ...good, 'ca.key': good['tls.key'] }),
      want: issue('authority', 'there is no usable CA'),
    },
    {
      name: 'asks for a CA where the stored text is no certificate',
      change: (good) => ({ ...good, 'ca.crt': 'hello' }),
      want: issue('authority', 'there is no usable CA'),
    },
    {
      name: 'asks for a server certificate where it is missing',
      change: (good) => ({ ...good, 'tls.crt': undefined }),
      want: noLeaf,
    },
    {
      name: 'asks for a server certificate where the key does not fit',
      change: (good) => ({ ...good, 'tls.key': good['ca.key'] }),
      want: noLeaf,
    },
  ])('$name', ({ change, want }) => {
    expect(decideCertificates(change(fresh), daysLater(1), names)).toEqual(want);
  });

  test.each([
    { name: 'one more', wanted: [...names, 'other.example'] },
    { name: 'one less', wanted: names.slice(1) },
    { name: 'another one', wanted: ['other.example', ...names.slice(1)] },
    { name: 'another address', wanted: [...names.slice(0, 2), '127.0.0.2', '::1'] },
  ])('asks for a server certificate when the names have $name', ({ wanted }) => {
    expect(decideCertificates(fresh, daysLater(1), wanted)).toEqual(
      issue('leaf', 'the server certificate is for other names'),
    );
  });

  test('asks for a server certificate that the present CA has signed', async () => {
    const authority = await issueAuthority(start);
    const swapped = { ...fresh, 'ca.crt': authority.certificate, 'ca.key': authority.privateKey };
    expect(decideCertificates(swapped, daysLater(1), names)).toEqual(
      issue('leaf', 'the server certificate is from another CA'),
    );
  });

  test('the order and doubling of names do not matter', () => {
    const same = [...names.toReversed(), 'localhost'];
    expect(decideCertificates(fresh, daysLater(1), same)).toMatchObject({ action: 'keep' });
  });

  test('names are needed', () => {
    expect(() => decideCertificates(fresh, start, [])).toThrow(TypeError);
  });

  test('keep is the answer right until renewAt and no longer', () => {
    const decision = decideCertificates(fresh, start, names);
    const renewMs = decision.action === 'keep' ? decision.renewAt.getTime() : 0;
    const at = (ms: number): string => decideCertificates(fresh, new Date(ms), names).action;
    expect([at(renewMs - 1), at(renewMs)]).toEqual(['keep', 'issue']);
  });
});

describe('over the years', () => {
  test('whoever looked at the bundle a day ago trusts every certificate that is served', async () => {
    let contents: CertificateContents = {};
    let trustedYesterday = '';
    const steps: string[] = [];
    const bundleSizes = new Set<number>();
    // Once a day for five years: four changes of CA.
    for (let day = 0; day < 5 * 365; day += 1) {
      const now = daysLater(day);
      const renewed = await renewCertificates(contents, { names, now });
      contents = renewed.contents;
      if (day > 0) assertTrusted(contents, trustedYesterday, now);
      trustedYesterday = trustedAuthorities(contents);
      bundleSizes.add(trustedYesterday.split('BEGIN CERTIFICATE').length - 1);
      steps.push(...renewed.changes.map((change) => change.split(':')[0] ?? ''));
    }
    const count = (step: string): number => steps.filter((one) => one === step).length;
    expect(['authority', 'announce', 'switch', 'retire'].map(count)).toEqual([1, 4, 4, 4]);
    expect(bundleSizes).toEqual(new Set([1, 2]));
  });

  test('both CA and server certificate are replaced before two thirds of their life', async () => {
    let contents: CertificateContents = fresh;
    for (let day = 1; day < 3 * 365; day += 1) {
      const now = daysLater(day);
      contents = (await renewCertificates(contents, { names, now })).contents;
      expect(Math.max(lifeUsed(contents['ca.crt'], now), lifeUsed(contents['tls.crt'], now))).toBeLessThan(
        2 / 3,
      );
    }
  });

  test('a CA that expired while nobody ran gives way to the announced one, else to a new one', async () => {
    const announced = await renewCertificates(fresh, { names, now: daysLater(366) });
    const late = await renewCertificates(announced.contents, { names, now: daysLater(800) });
    expect(late.contents['ca.crt']).toBe(announced.contents['next-ca.crt']);
    const lost = await renewCertificates(fresh, { names, now: daysLater(800) });
    expect(lost.changes).toEqual([
      'authority: the CA has expired',
      'leaf: there is no usable server certificate',
    ]);
    expect(lost.contents['old-ca.crt']).toBeUndefined();
  });

  test('a CA whose key was lost stays trusted beside its successor', async () => {
    const { contents } = await renewCertificates(
      { ...fresh, 'ca.key': undefined },
      { names, now: daysLater(1) },
    );
    expect(trustedAuthorities(contents)).toBe(`${contents['ca.crt']}${fresh['ca.crt']}`);
  });
});

function assertTrusted(contents: CertificateContents, bundle: string, now: Date): void {
  const leaf = new X509Certificate(contents['tls.crt'] ?? '');
  const trusted = bundle
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .map((pem) => new X509Certificate(pem))
    .some((authority) => leaf.verify(authority.publicKey) && authority.validToDate > now);
  if (!trusted || leaf.validToDate <= now) throw new Error(`not trusted on ${now.toISOString()}`);
}

function lifeUsed(pem: string | undefined, now: Date): number {
  const { validFromDate: from, validToDate: to } = new X509Certificate(pem ?? '');
  return (now.getTime() - from.getTime()) / (to.getTime() - from.getTime());
}
