import { isDeepStrictEqual } from 'node:util';
import type { Pod } from './pod.ts';

/** One step of RFC 6902. `add` on a member that exists replaces it. */
export interface PatchOperation {
  op: 'add';
  path: string;
  value: unknown;
}

/** What turns one pod into the other: whole members of its spec, because the API server applies it to exactly the pod it asked about. */
export function podPatch(before: Pod, after: Pod): PatchOperation[] {
  return Object.entries(after.spec)
    .filter(([member, value]) => !isDeepStrictEqual(before.spec[member], value))
    .map(([member, value]) => ({ op: 'add', path: `/spec/${member}`, value }));
}
