import 'reflect-metadata';
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

const DAY_MS = 86_400_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const NAMES = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

/** Where the keys of one control plane lie. */
export interface KeyFiles {
  /** Serving certificate of the API server; self-signed, so it is also the CA its clients trust. */
  certificate: string;
  certificateKey: string;
  /** Key pair with which ServiceAccount tokens are signed and checked. */
  serviceAccountKey: string;
  serviceAccountPublicKey: string;
}

/** Makes the keys of a control plane in `dir`, readable by their owner only. */
export async function writeKeyFiles(dir: string): Promise<KeyFiles> {
  const files = {
    certificate: join(dir, 'apiserver.crt'),
    certificateKey: join(dir, 'apiserver.key'),
    serviceAccountKey: join(dir, 'service-account.key'),
    serviceAccountPublicKey: join(dir, 'service-account.pub'),
  };
  const serving = await servingCertificate();
  const signing = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const owned = { mode: 0o600 };
  await writeFile(files.certificate, serving.certificate, owned);
  await writeFile(files.certificateKey, serving.key, owned);
  await writeFile(files.serviceAccountKey, signing.privateKey, owned);
  await writeFile(files.serviceAccountPublicKey, signing.publicKey, owned);
  return files;
}

async function servingCertificate(): Promise<{ certificate: string; key: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(8).toString('hex'),
    name: 'CN=kube-apiserver',
    // An hour back: whoever connects may have a clock that is slightly behind.
    notBefore: new Date(Date.now() - DAY_MS / 24),
    notAfter: new Date(Date.now() + 30 * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        ...NAMES.map((value) => ({ type: 'dns' as const, value })),
      ]),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return { certificate: certificate.toString('pem'), key: pem('PRIVATE KEY', key) };
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
