import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/**
 * What the certificates Secret holds, PEM by key. `ca` signs; `next-ca` is announced and will sign; `old-ca` signed until lately and
 * is still trusted; `tls` is the server's own.
 */
export type CertificateContents = Partial<Record<CertificateKey, string | undefined>>;

/** The keys of the Secret, in the order in which they are written. */
export const certificateKeys = [
  'ca.crt',
  'ca.key',
  'next-ca.crt',
  'next-ca.key',
  'old-ca.crt',
  'tls.crt',
  'tls.key',
] as const;
export type CertificateKey = (typeof certificateKeys)[number];

/**
 * One step of a change. `authority`: a new CA at once, because there is none that works. `announce`: a next CA into the bundle.
 * `switch`: the next CA signs from now on. `leaf`: a new server certificate. `retire`: the old CA out of the bundle.
 */
export type CertificateStep = 'authority' | 'announce' | 'switch' | 'leaf' | 'retire';

/** Keep until `renewAt`, or do a step and decide again. */
export type CertificateDecision =
  | { action: 'keep'; renewAt: Date }
  | { action: 'issue'; step: CertificateStep; reason: string };

const hourMs = 3_600_000;
/** A mounted ConfigMap reaches a pod in a minute or two; a day also covers a node that was away over night. */
const announceMs = 24 * hourMs;
/** Other replicas serve the former certificate until they next look; a week is many times that. */
const retireMs = 7 * 24 * hourMs;
/** The next CA is announced here; it signs a day later, well before two thirds. */
const authorityRenewShare = 0.5;
const leafRenewShare = 0.6;

interface Parsed {
  now: number;
  names: readonly string[];
  authority: X509Certificate | undefined;
  next: X509Certificate | undefined;
  old: X509Certificate | undefined;
  leaf: X509Certificate | undefined;
}

interface Due {
  step: CertificateStep;
  reason: string;
}

/** In this order: a server certificate can only be judged once the authority is settled. */
const policies: ((parsed: Parsed) => Due | undefined)[] = [
  authorityLost,
  nextAuthorityDue,
  switchDue,
  leafDue,
  retireDue,
];

/**
 * What to do about the certificates at that time (the API server's) for a server of those DNS names and IP addresses. Anything that
 * cannot be read, or whose private key does not fit, counts as missing. Throws a TypeError without names.
 */
export function decideCertificates(
  contents: CertificateContents,
  now: Date,
  names: readonly string[],
): CertificateDecision {
  if (names.length === 0) throw new TypeError('certificates need at least one DNS name or IP address');
  const parsed: Parsed = {
    now: now.getTime(),
    names,
    authority: pairIn(contents, 'ca'),
    next: pairIn(contents, 'next-ca'),
    old: certificateIn(contents['old-ca.crt']),
    leaf: pairIn(contents, 'tls'),
  };
  for (const policy of policies) {
    const due = policy(parsed);
    if (due !== undefined) return { action: 'issue', ...due };
  }
  return { action: 'keep', renewAt: renewalOf(parsed) };
}

/** The certificates that clients should trust: those that sign, signed lately or will sign, and that can still be read. */
export function trustedAuthorities(contents: CertificateContents): string {
  const trusted = [contents['ca.crt'], contents['next-ca.crt'], contents['old-ca.crt']];
  return trusted.filter((pem): pem is string => certificateIn(pem) !== undefined).join('');
}

/** True for a certificate that can be read and has not expired. */
export function isAlive(pem: string | undefined, now: Date): boolean {
  const certificate = certificateIn(pem);
  return certificate !== undefined && !hasExpired(certificate, now.getTime());
}

function authorityLost({ authority, next, now }: Parsed): Due | undefined {
  if (authority !== undefined && !hasExpired(authority, now)) return undefined;
  const reason = authority === undefined ? 'there is no usable CA' : 'the CA has expired';
  // The announced one is known to everybody already.
  const nextUsable = next !== undefined && !hasExpired(next, now);
  return { step: nextUsable ? 'switch' : 'authority', reason };
}

function nextAuthorityDue({ authority, next, now }: Parsed): Due | undefined {
  if (next !== undefined || authority === undefined) return undefined;
  if (now < shareOfLife(authority, authorityRenewShare)) return undefined;
  return { step: 'announce', reason: 'the CA is past half of its life' };
}

function switchDue({ next, now }: Parsed): Due | undefined {
  if (next === undefined || now < next.validFromDate.getTime() + announceMs) return undefined;
  return { step: 'switch', reason: 'the next CA has been announced for a day' };
}

function leafDue({ authority, leaf, names, now }: Parsed): Due | undefined {
  if (leaf === undefined) return { step: 'leaf', reason: 'there is no usable server certificate' };
  if (authority === undefined || !leaf.verify(authority.publicKey)) {
    return { step: 'leaf', reason: 'the server certificate is from another CA' };
  }
  if (!isFor(leaf, names)) return { step: 'leaf', reason: 'the server certificate is for other names' };
  if (now < shareOfLife(leaf, leafRenewShare)) return undefined;
  return { step: 'leaf', reason: 'the server certificate is past three fifths of its life' };
}

function retireDue({ old, leaf, now }: Parsed): Due | undefined {
  if (old === undefined || leaf === undefined) return undefined;
  if (!hasExpired(old, now) && now < leaf.validFromDate.getTime() + retireMs) return undefined;
  return { step: 'retire', reason: 'nobody serves a certificate of the old CA any more' };
}

function renewalOf({ authority, next, old, leaf }: Parsed): Date {
  const times: number[] = [];
  if (leaf !== undefined) times.push(shareOfLife(leaf, leafRenewShare));
  if (next !== undefined) times.push(next.validFromDate.getTime() + announceMs);
  else if (authority !== undefined) times.push(shareOfLife(authority, authorityRenewShare));
  if (old !== undefined && leaf !== undefined) times.push(leaf.validFromDate.getTime() + retireMs);
  return new Date(Math.min(...times));
}

function pairIn(contents: CertificateContents, pair: 'ca' | 'next-ca' | 'tls'): X509Certificate | undefined {
  const certificate = certificateIn(contents[`${pair}.crt`]);
  if (certificate === undefined) return undefined;
  try {
    return certificate.checkPrivateKey(createPrivateKey(contents[`${pair}.key`] ?? ''))
      ? certificate
      : undefined;
  } catch {
    return undefined;
  }
}

function certificateIn(pem: string | undefined): X509Certificate | undefined {
  if (pem === undefined) return undefined;
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function hasExpired(certificate: X509Certificate, now: number): boolean {
  return now >= certificate.validToDate.getTime();
}

function shareOfLife(certificate: X509Certificate, share: number): number {
  const from = certificate.validFromDate.getTime();
  return from + (certificate.validToDate.getTime() - from) * share;
}

/** True if the certificate is for exactly these names. */
function isFor(certificate: X509Certificate, names: readonly string[]): boolean {
  const exact = { subject: 'never', wildcards: false } as const;
  const covers = (name: string): boolean =>
    isIP(name) === 0
      ? certificate.checkHost(name, exact) !== undefined
      : certificate.checkIP(name) !== undefined;
  const inIt = certificate.subjectAltName?.split(', ').length ?? 0;
  return inIt === new Set(names).size && names.every(covers);
}
