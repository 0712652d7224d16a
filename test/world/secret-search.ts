import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ControlPlaneAccess } from '../control-plane/access.ts';

/** Something that must not be found, by a name that may be shown. */
export interface Secret {
  name: string;
  value: string;
}

/** A place that was searched, and its whole text. */
export interface Place {
  name: string;
  text: string;
}

/** A secret that was found where it must not be: names only, never the value. */
export interface Finding {
  secret: string;
  place: string;
  form: string;
}

const forms: Record<string, (value: string) => string> = {
  plain: (value) => value,
  'as JSON text': (value) => JSON.stringify(value).slice(1, -1),
  base64: (value) => Buffer.from(value).toString('base64'),
  'base64, URL alphabet': (value) => Buffer.from(value).toString('base64url'),
  'form-encoded': (value) => encodeURIComponent(value),
};

/** Looks for every secret in every form in every place. */
export function searchSecrets(secrets: Secret[], places: Place[]): Finding[] {
  return places.flatMap((place) => secrets.flatMap((secret) => findIn(secret, place)));
}

function findIn(secret: Secret, place: Place): Finding[] {
  const line = place.text.replaceAll('\n', '');
  const found = Object.entries(forms).filter(([, encode]) => {
    const needle = encode(secret.value).replace(/=+$/, '').replaceAll('\n', '');
    return line.includes(needle);
  });
  return found.map(([form]) => ({ secret: secret.name, place: place.name, form }));
}

/** Everything a workload or an onlooker can read in a namespace: objects as stored, without Secrets. */
export async function objectsOf(controlPlane: ControlPlaneAccess, namespaces: string[]): Promise<Place[]> {
  const own = '/apis/sapai.eerly.ai/v1alpha1';
  const kinds: Array<[name: string, base: string]> = [
    ['pods', '/api/v1'],
    ['configmaps', '/api/v1'],
    ['events', '/apis/events.k8s.io/v1'],
    ['sapaibudgets', own],
    ['sapailedgers', own],
    ['sapailedgerpages', own],
  ];
  const paths = namespaces.flatMap((namespace) =>
    kinds.map(([kind, base]) => `${base}/namespaces/${namespace}/${kind}`),
  );
  const places = [...paths, `${own}/sapairatecards`].map(async (path) => {
    const answer = await controlPlane.call({ path });
    if (answer.status !== 200) throw new Error(`${path} cannot be searched: ${JSON.stringify(answer.body)}`);
    return { name: path, text: JSON.stringify(answer.body) };
  });
  return Promise.all(places);
}

/** Every file below a folder, such as a journal. */
export async function filesOf(dir: string): Promise<Place[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map(async (name) => ({ name, text: await readFile(name, 'utf8') })));
}
