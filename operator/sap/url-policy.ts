import { isIPv4 } from 'node:net';
import { SapError } from './sap-error.ts';

/** Hosts of SAP BTP's public landscapes: authentication, AI Core, usage data. */
const sapHostSuffixes = ['.hana.ondemand.com'];

/** Where a URL came from, and which hosts are allowed beside SAP's own and this machine's. */
export interface UrlPolicy {
  /** Member of the service key, for the message. */
  member: string;
  /** Hosts (`host` or `host:port`), or suffixes that begin with a dot. They may be plain http. */
  allowedHosts: readonly string[];
}

/**
 * A URL out of a Secret that the operator may call. Whoever may write a Secret must not be able to make the operator
 * call the inside of the cluster: so only https to SAP's hosts, this machine, and hosts the operator's settings name.
 *
 * @throws SapError `UrlNotAllowed`; the message shows the host alone
 */
export function allowUrl(text: string, { member, allowedHosts }: UrlPolicy): URL {
  const url = URL.parse(text.trim());
  if (url === null) throw refused(member, 'is not a URL');
  if (hasMoreThanPath(url)) throw refused(member, 'must have neither user, query nor fragment');
  if (!/^https?:$/.test(url.protocol)) throw refused(member, 'must begin with https://');
  if (isLoopback(url.hostname) || allowedHosts.some((allowed) => matches(url, allowed))) return url;
  if (!sapHostSuffixes.some((suffix) => url.hostname.endsWith(suffix))) {
    const host = url.hostname.slice(0, 253);
    const hint = "if it is right, add it to the operator's allowed SAP hosts";
    throw refused(member, `names the host ${host}, which is none of SAP's; ${hint}`);
  }
  if (url.protocol !== 'https:') throw refused(member, 'must begin with https://');
  return url;
}

function hasMoreThanPath({ username, password, search, hash }: URL): boolean {
  return [username, password, search, hash].some((part) => part !== '');
}

function matches(url: URL, allowed: string): boolean {
  const entry = allowed.toLowerCase();
  if (entry.startsWith('.')) return url.hostname.endsWith(entry);
  return entry === url.hostname || entry === url.host;
}

/** This machine, where nobody else's services are reached. */
function isLoopback(hostname: string): boolean {
  if (hostname === 'localhost' || hostname === '[::1]') return true;
  return isIPv4(hostname) && hostname.startsWith('127.');
}

function refused(member: string, what: string): SapError {
  return new SapError('UrlNotAllowed', `the service key's ${member} ${what}`);
}
