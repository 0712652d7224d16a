import 'reflect-metadata';
import { createPrivateKey, KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

/** A certificate and its private key, both PEM. The key may go into the certificates Secret and a TLS server, nowhere else. */
export interface KeyPair {
  certificate: string;
  privateKey: string;
}

const dayMs = 86_400_000;
/** A certificate is valid from a little before now, because clocks of nodes differ. */
const backdatedMs = 5 * 60_000;
/** Nobody renews the CA's trust by hand, but a change of CA costs a round through every pod. */
const authorityLifeMs = 730 * dayMs;
/** As public CAs do it: short enough that a lost key is worthless soon. */
const leafLifeMs = 90 * dayMs;

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signature = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** A new certificate authority, self-signed, ECDSA P-256. Its name is unique, so that two of them in one bundle are never mixed up. */
export async function issueAuthority(now: Date): Promise<KeyPair> {
  const serialNumber = newSerial();
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber,
    name: `CN=sap-ai-budget CA ${serialNumber.slice(0, 16)}`,
    notBefore: new Date(now.getTime() - backdatedMs),
    notAfter: new Date(now.getTime() + authorityLifeMs),
    keys,
    signingAlgorithm: signature,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate), privateKey: privatePem(keys.privateKey) };
}

/** A server certificate for DNS names and IP addresses, signed by the authority, which it never outlives. */
export async function issueLeaf(
  authority: KeyPair,
  { names, now }: { names: readonly string[]; now: Date },
): Promise<KeyPair> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: 'CN=sap-ai-budget',
    issuer: issuer.subject,
    notBefore: new Date(now.getTime() - backdatedMs),
    notAfter: new Date(Math.min(now.getTime() + leafLifeMs, issuer.notAfter.getTime())),
    signingKey: await signingKey(authority.privateKey),
    publicKey: keys.publicKey,
    signingAlgorithm: signature,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate), privateKey: privatePem(keys.privateKey) };
}

function signingKey(privateKey: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(privateKey).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, keyAlgorithm, false, ['sign']);
}

/** 127 random bits: a serial number is positive, so its first bit is 0. */
function newSerial(): string {
  const bytes = randomBytes(16);
  // The first byte must not be 0 either, or DER would drop it.
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trim()}\n`;
}

function privatePem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}
