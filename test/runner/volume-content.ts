import type {
  V1DownwardAPIVolumeFile,
  V1KeyToPath,
  V1Volume,
  V1VolumeProjection,
} from '@kubernetes/client-node';
import type { ContentKind, ReadContent } from './content.ts';
import { RunnerError } from './errors.ts';
import type { Pod } from './kubernetes.ts';
import { podField } from './pod-fields.ts';
import type { PodTokens } from './tokens.ts';

/** A file of a volume. */
export interface VolumeFile {
  content: Buffer;
  mode: number;
}

/** Files by path within the volume. */
export type VolumeFiles = Map<string, VolumeFile>;

/** Where the content of volumes comes from. */
export interface VolumeSources {
  pod: Pod;
  podIp: string;
  readContent: ReadContent;
  tokens: PodTokens;
}

/** What Kubernetes gives files unless the pod says otherwise. */
const defaultFileMode = 0o644;
const tokenFileMode = 0o600;

/** Whether the volume is a plain directory that belongs to the pod. */
export function isEmptyDir(volume: V1Volume): boolean {
  return volume.emptyDir !== undefined;
}

/**
 * The files of a volume as they should be now. Throws `reference_missing`, or `unsupported` for a kind of volume that this runner
 * does not have.
 */
export async function volumeFiles(volume: V1Volume, sources: VolumeSources): Promise<VolumeFiles> {
  const { projections, mode = defaultFileMode } = partsOf(volume);
  return projectedFiles(projections, mode, sources);
}

/** Every kind of volume as a projected one. */
function partsOf(volume: V1Volume): { projections: V1VolumeProjection[]; mode?: number | undefined } {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (projected !== undefined) return { projections: projected.sources ?? [], mode: projected.defaultMode };
  if (configMap !== undefined) return { projections: [{ configMap }], mode: configMap.defaultMode };
  if (downwardAPI !== undefined) return { projections: [{ downwardAPI }], mode: downwardAPI.defaultMode };
  if (secret === undefined) throw unsupported(volume);
  const { secretName: name, items, optional, defaultMode: mode } = secret;
  const named = {
    ...(name !== undefined && { name }),
    ...(items && { items }),
    ...(optional && { optional }),
  };
  return { projections: [{ secret: named }], mode };
}

async function projectedFiles(
  projections: V1VolumeProjection[],
  mode: number,
  sources: VolumeSources,
): Promise<VolumeFiles> {
  const files: VolumeFiles = new Map();
  for (const projection of projections) {
    for (const [path, file] of await filesOf(projection, mode, sources)) files.set(path, file);
  }
  return files;
}

async function filesOf(
  { configMap, secret, downwardAPI, serviceAccountToken }: V1VolumeProjection,
  mode: number,
  sources: VolumeSources,
): Promise<VolumeFiles> {
  if (configMap !== undefined) return keyedFiles({ kind: 'ConfigMap', source: configMap, mode }, sources);
  if (secret !== undefined) return keyedFiles({ kind: 'Secret', source: secret, mode }, sources);
  if (downwardAPI !== undefined) return downwardFiles(downwardAPI.items ?? [], mode, sources);
  if (serviceAccountToken === undefined) {
    throw new RunnerError('unsupported', 'a projected volume has a source that this runner does not know');
  }
  const token = await sources.tokens.get(serviceAccountToken);
  return new Map([[serviceAccountToken.path, { content: Buffer.from(token), mode: tokenFileMode }]]);
}

function downwardFiles(
  items: V1DownwardAPIVolumeFile[],
  mode: number,
  { pod, podIp }: VolumeSources,
): VolumeFiles {
  const files = items.map((item): [string, VolumeFile] => {
    const text = podField(pod, item.fieldRef?.fieldPath ?? 'resourceFieldRef', podIp);
    return [item.path, { content: Buffer.from(text), mode: item.mode ?? mode }];
  });
  return new Map(files);
}

interface KeyedSource {
  kind: ContentKind;
  source: { name?: string | undefined; items?: V1KeyToPath[] | undefined; optional?: boolean | undefined };
  mode: number;
}

async function keyedFiles({ kind, source, mode }: KeyedSource, sources: VolumeSources): Promise<VolumeFiles> {
  const { name = '', items, optional = false } = source;
  const namespace = sources.pod.metadata.namespace ?? '';
  const content = await sources.readContent({ kind, namespace, name, optional });
  if (content === undefined) return new Map();
  if (items === undefined)
    return new Map([...content].map(([key, value]) => [key, { content: value, mode }]));
  const files: VolumeFiles = new Map();
  for (const item of items) {
    const value = content.get(item.key);
    if (value !== undefined) files.set(item.path, { content: value, mode: item.mode ?? mode });
    else if (!optional) {
      throw new RunnerError('reference_missing', `${kind} "${name}" has no key "${item.key}": add it`);
    }
  }
  return files;
}

function unsupported({ name, ...kinds }: V1Volume): RunnerError {
  const kind = Object.keys(kinds).join(', ');
  return new RunnerError(
    'unsupported',
    `volume "${name}" is of kind ${kind}, which this runner does not have`,
  );
}
