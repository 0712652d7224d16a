import type { KubeClient } from '../../operator/kube/client.ts';
import { configMaps, secrets } from '../../operator/kube/resource.ts';
import { RunnerError } from './errors.ts';
import type { KeyedContent } from './kubernetes.ts';

export type ContentKind = 'ConfigMap' | 'Secret';

/** Which object, and whether its absence is an error. */
export interface ContentReference {
  kind: ContentKind;
  namespace: string;
  name: string;
  optional: boolean;
}

/** The values of a ConfigMap or Secret by key; undefined where an optional one is missing. Throws `reference_missing`. */
export type ReadContent = (reference: ContentReference) => Promise<ReadonlyMap<string, Buffer> | undefined>;

/** Reads them from the API server, each time anew. */
export function contentReader(kube: KubeClient, signal: AbortSignal): ReadContent {
  return async ({ kind, namespace, name, optional }) => {
    const resource = kind === 'Secret' ? secrets : configMaps;
    const object = await kube.get<KeyedContent>(resource, { namespace, name, signal });
    if (object !== undefined) return valuesOf(object, kind);
    if (optional) return undefined;
    throw new RunnerError(
      'reference_missing',
      `${kind} "${name}" not found in namespace ${namespace}: create it`,
    );
  };
}

function valuesOf({ data = {}, binaryData = {} }: KeyedContent, kind: ContentKind): Map<string, Buffer> {
  const encoding = kind === 'Secret' ? 'base64' : 'utf8';
  return new Map([
    ...Object.entries(data).map(([key, value]): [string, Buffer] => [key, Buffer.from(value, encoding)]),
    ...Object.entries(binaryData).map(([key, value]): [string, Buffer] => [
      key,
      Buffer.from(value, 'base64'),
    ]),
  ]);
}
