import type { CallOptions } from '../kube/call.ts';
import type { KubeClient } from '../kube/client.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { configMaps, secrets } from '../kube/resource.ts';
import type { KubeObject } from '../kube/resource.ts';
import { certificateKeys, decideCertificates, isAlive, trustedAuthorities } from './decide.ts';
import type { CertificateContents } from './decide.ts';
import type { KeyPair } from './issue.ts';
import { CertificateError, renewCertificates } from './renew.ts';

/** Holds CA and server certificate with their private keys; only the operator may read it. */
export const certificatesSecretName = 'sap-ai-budget-certificates';
/** Holds, under `ca.crt`, the certificates that sidecars and the API server's webhooks should trust. */
export const authorityConfigMapName = 'sap-ai-budget-ca';

/** Whose certificates, and when: `now` is the API server's time, so that replicas with wrong clocks do not fight. */
export interface CertificateOptions extends CallOptions {
  namespace: string;
  /** DNS names and IP addresses of the operator's HTTPS server. */
  names: readonly string[];
  now: Date;
  /** Leave what is stored as it is, if it can be served with: somebody else renews it. */
  readOnly?: boolean;
}

/** What a server needs, and when to ask again. */
export interface ServingCertificates extends KeyPair {
  /** PEM of every CA to be trusted: two of them during a change. */
  authorities: string;
  renewAt: Date;
  /** What was done, in words, for the log; empty where all was well. */
  changes: string[];
}

interface CertificatesSecret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
}

/** Replicas start together; each conflict means that another one has done the work. */
const maxAttempts = 5;

/**
 * Makes certificates where there are none or they are due, stores them under the Secret's resourceVersion, and publishes the CA bundle.
 * Several replicas may do so at once: all end up with the same. Throws a KubeError, or a CertificateError.
 */
export async function ensureCertificates(
  kube: KubeClient,
  options: CertificateOptions,
): Promise<ServingCertificates> {
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const serving = await tryEnsure(kube, options);
    if (serving !== undefined) return serving;
  }
  throw new CertificateError(
    'contended',
    `Secret ${options.namespace}/${certificatesSecretName} was changed by somebody else ${maxAttempts} times in a row; find out who writes it`,
  );
}

async function tryEnsure(
  kube: KubeClient,
  options: CertificateOptions,
): Promise<ServingCertificates | undefined> {
  const { namespace, signal } = options;
  const address = { namespace, name: certificatesSecretName, signal };
  const stored = await kube.get<CertificatesSecret>(secrets, address);
  const present = decode(stored);
  if (options.readOnly === true && isUsable(present, options.now)) return asStored(present, options);
  const { contents, renewAt, changes } = await renewCertificates(present, options);
  if (changes.length > 0 && !(await store(kube, { stored, contents, options }))) return undefined;
  const authorities = trustedAuthorities(contents);
  await kube.apply(
    configMaps,
    { metadata: { namespace, name: authorityConfigMapName }, data: { 'ca.crt': authorities } },
    { signal },
  );
  return servingOf(contents, { renewAt, changes });
}

function isUsable(contents: CertificateContents, now: Date): boolean {
  return isAlive(contents['tls.crt'], now) && contents['tls.key'] !== undefined;
}

/** What is due is somebody else's to do: look again soon. */
function asStored(contents: CertificateContents, { now, names }: CertificateOptions): ServingCertificates {
  const decision = decideCertificates(contents, now, names);
  return servingOf(contents, { renewAt: decision.action === 'keep' ? decision.renewAt : now, changes: [] });
}

function servingOf(
  contents: CertificateContents,
  { renewAt, changes }: { renewAt: Date; changes: string[] },
): ServingCertificates {
  const { 'tls.crt': certificate = '', 'tls.key': privateKey = '' } = contents;
  return { certificate, privateKey, authorities: trustedAuthorities(contents), renewAt, changes };
}

/** False where somebody else was faster. */
async function store(
  kube: KubeClient,
  {
    stored,
    contents,
    options: { namespace, signal },
  }: { stored: CertificatesSecret | undefined; contents: CertificateContents; options: CertificateOptions },
): Promise<boolean> {
  const data = encode(contents);
  try {
    if (stored === undefined) {
      const metadata = { namespace, name: certificatesSecretName };
      await kube.create(secrets, { metadata, type: 'Opaque', data }, { signal });
    } else {
      await kube.replace(secrets, { ...stored, data }, { signal });
    }
    return true;
  } catch (error) {
    // NotFound: deleted between our read and our write.
    if (isKubeError(error, 'Conflict', 'AlreadyExists', 'NotFound')) return false;
    throw error;
  }
}

function decode(stored: CertificatesSecret | undefined): CertificateContents {
  const contents: CertificateContents = {};
  for (const key of certificateKeys) {
    const encoded = stored?.data?.[key];
    if (encoded !== undefined) contents[key] = Buffer.from(encoded, 'base64').toString('utf8');
  }
  return contents;
}

function encode(contents: CertificateContents): Record<string, string> {
  const data: Record<string, string> = {};
  for (const key of certificateKeys) {
    const pem = contents[key];
    if (pem !== undefined) data[key] = Buffer.from(pem, 'utf8').toString('base64');
  }
  return data;
}
