import { isRecord } from '../kube/resource.ts';
import { SapError } from './sap-error.ts';

/** Entries of a Secret, decoded. */
export type SecretEntries = Readonly<Record<string, string>>;

/** Which layout the SAP BTP operator wrote is said in this entry. */
const layoutEntry = '.metadata';

/**
 * The credentials in a Secret, whatever the layout: one JSON document (in the entry `key`, or the only one there is), or
 * the SAP BTP operator's layouts with one entry per member. Members that are JSON inside a text are parsed.
 *
 * @throws SapError `KeyNotFound` or `ServiceKeyMalformed`; messages name entries, never their values
 */
export function credentialsIn(entries: SecretEntries, key?: string): Record<string, unknown> {
  const found = key === undefined ? recognize(entries) : documentIn(entries, key);
  const parsed = parseMembers(found);
  const { credentials } = parsed;
  return isRecord(credentials) ? parseMembers(credentials) : parsed;
}

/** The BTP operator adds the instance's id beside the credentials, whatever the layout. */
export function instanceIdIn(entries: SecretEntries): string | undefined {
  return entries['instance_guid']?.trim();
}

function recognize(entries: SecretEntries): Record<string, unknown> {
  const container = containerIn(entries);
  if (container !== undefined) return documentIn(entries, container);
  if ('clientid' in entries || saysLayout(entries)) return entries;
  const documents = Object.keys(entries).filter((name) => isRecord(parseJson(entries[name])));
  const [only, ...others] = documents;
  if (only === undefined)
    throw new SapError(
      'ServiceKeyMalformed',
      `no entry of the Secret holds a service key as JSON (entries: ${listed(Object.keys(entries))}): store the key as SAP shows it`,
    );
  if (others.length > 0)
    throw new SapError(
      'ServiceKeyMalformed',
      `several entries of the Secret hold JSON (${listed(documents)}): say which in serviceKeySecretRef.key`,
    );
  return documentIn(entries, only);
}

/** Whether the BTP operator describes its entries: then each is a member, also where some of them are JSON. */
function saysLayout(entries: SecretEntries): boolean {
  const layout = parseJson(entries[layoutEntry]);
  return isRecord(layout) && Array.isArray(layout['credentialProperties']);
}

/** The entry that holds all credentials, if the BTP operator says that there is one. */
function containerIn(entries: SecretEntries): string | undefined {
  const layout = parseJson(entries[layoutEntry]);
  const properties: unknown = isRecord(layout) ? layout['credentialProperties'] : undefined;
  if (!Array.isArray(properties)) return undefined;
  const container: unknown = properties.find((entry) => isRecord(entry) && entry['container'] === true);
  const name = isRecord(container) ? container['name'] : undefined;
  return typeof name === 'string' ? name : undefined;
}

function documentIn(entries: SecretEntries, key: string): Record<string, unknown> {
  const text = Object.hasOwn(entries, key) ? entries[key] : undefined;
  if (text === undefined)
    throw new SapError(
      'KeyNotFound',
      `the Secret has no entry "${key}" (entries: ${listed(Object.keys(entries))})`,
    );
  const document = parseJson(text);
  if (!isRecord(document))
    throw new SapError(
      'ServiceKeyMalformed',
      `entry "${key}" of the Secret is not a JSON object: store the service key as SAP shows it`,
    );
  return document;
}

/** Texts that look like JSON are parsed: the BTP operator stores nested members that way. */
function parseMembers(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => {
      if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return [name, value];
      return [name, parseJson(value) ?? value];
    }),
  );
}

/** No error: its message would quote the text, which may be a secret. */
function parseJson(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  return names.length <= 10 ? names.join(', ') : `${names.slice(0, 10).join(', ')} and more`;
}
