import { decideCertificates, isAlive } from './decide.ts';
import type { CertificateContents, CertificateStep } from './decide.ts';
import { issueAuthority, issueLeaf } from './issue.ts';

/** For whom, and when, certificates are made. */
export interface RenewOptions {
  /** DNS names and IP addresses of the server. */
  names: readonly string[];
  now: Date;
}

/** The certificates cannot be kept: the message says why. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
  readonly reason: 'contended' | 'undecided';

  constructor(reason: CertificateError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** A change of CA is three steps; more than this would never end. */
const maxSteps = 6;

/**
 * Does all steps that are due. `changes` says what was done, in words; empty where all was well. Throws a CertificateError with reason
 * `undecided` if steps do not come to an end.
 */
export async function renewCertificates(
  stored: CertificateContents,
  { names, now }: RenewOptions,
): Promise<{ contents: CertificateContents; renewAt: Date; changes: string[] }> {
  let contents = stored;
  const changes: string[] = [];
  while (changes.length < maxSteps) {
    const decision = decideCertificates(contents, now, names);
    if (decision.action === 'keep') return { contents, renewAt: decision.renewAt, changes };
    contents = await steps[decision.step](contents, { names, now });
    changes.push(`${decision.step}: ${decision.reason}`);
  }
  throw new CertificateError('undecided', `the certificates do not settle: ${changes.join('; ')}`);
}

const steps: Record<
  CertificateStep,
  (contents: CertificateContents, options: RenewOptions) => CertificateContents | Promise<CertificateContents>
> = {
  authority: async (contents, { now }) => {
    const { certificate, privateKey } = await issueAuthority(now);
    return { 'ca.crt': certificate, 'ca.key': privateKey, 'old-ca.crt': formerAuthority(contents, now) };
  },
  announce: async (contents, { now }) => {
    const { certificate, privateKey } = await issueAuthority(now);
    return { ...contents, 'next-ca.crt': certificate, 'next-ca.key': privateKey };
  },
  switch: (contents, { now }) => ({
    ...contents,
    'ca.crt': contents['next-ca.crt'],
    'ca.key': contents['next-ca.key'],
    'next-ca.crt': undefined,
    'next-ca.key': undefined,
    'old-ca.crt': formerAuthority(contents, now),
  }),
  leaf: async (contents, options) => {
    const authority = { certificate: contents['ca.crt'] ?? '', privateKey: contents['ca.key'] ?? '' };
    const { certificate, privateKey } = await issueLeaf(authority, options);
    return { ...contents, 'tls.crt': certificate, 'tls.key': privateKey };
  },
  retire: (contents) => ({ ...contents, 'old-ca.crt': undefined }),
};

/** Other replicas may serve a certificate of the former CA for a while, so it stays trusted. */
function formerAuthority(contents: CertificateContents, now: Date): string | undefined {
  return isAlive(contents['ca.crt'], now) ? contents['ca.crt'] : undefined;
}
