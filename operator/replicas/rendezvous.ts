import { createHash } from 'node:crypto';

/**
 * The one of these names that a key belongs to, whoever asks and in whatever order they are given; undefined without
 * names. Where a name comes or goes, only the keys that belong to it change.
 */
export function rendezvous(key: string, names: Iterable<string>): string | undefined {
  let best: { name: string; weight: string } | undefined;
  for (const name of names) {
    const weight = createHash('sha256').update(`${name}\n${key}`).digest('hex');
    if (best === undefined || weight > best.weight) best = { name, weight };
  }
  return best?.name;
}
