import { RunnerError } from './errors.ts';
import { type Pod, uidOf } from './kubernetes.ts';

/** The machine as pods see it. */
export const hostIp = '127.0.0.1';

/** A field of a pod as text, as `fieldRef` names it. Throws `unsupported` for one that is not known here. */
export function podField(pod: Pod, fieldPath: string, podIp: string): string {
  const entry = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(fieldPath);
  if (entry !== null) {
    const all = entry[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations;
    return all?.[entry[2] ?? ''] ?? '';
  }
  const fields: Record<string, () => string> = {
    'metadata.name': () => pod.metadata.name,
    'metadata.namespace': () => pod.metadata.namespace ?? '',
    'metadata.uid': () => uidOf(pod),
    'metadata.labels': () => lines(pod.metadata.labels),
    'metadata.annotations': () => lines(pod.metadata.annotations),
    'spec.nodeName': () => pod.spec.nodeName ?? '',
    'spec.serviceAccountName': () => pod.spec.serviceAccountName ?? 'default',
    'status.podIP': () => podIp,
    'status.podIPs': () => podIp,
    'status.hostIP': () => hostIp,
    'status.hostIPs': () => hostIp,
  };
  const value = fields[fieldPath];
  if (value !== undefined) return value();
  throw new RunnerError('unsupported', `field "${fieldPath}" of a pod is not known to this runner`);
}

/** One `key="value"` a line, sorted, as the downward API writes maps. */
function lines(values: Record<string, string> = {}): string {
  const sorted = Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join('\n');
}
