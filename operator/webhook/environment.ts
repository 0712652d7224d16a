import type { EnvVar } from './pod.ts';

/** The literal value of a variable; undefined where it is not set, or set from somewhere that cannot be seen here. */
export function literalOf(env: readonly EnvVar[], name: string): string | undefined {
  // Of two entries of one name the last one counts.
  return env.findLast((entry) => entry.name === name)?.value;
}

/** Whether the container itself sets the variable, by value or from elsewhere. `envFrom` cannot be looked into. */
export function sets(env: readonly EnvVar[], name: string): boolean {
  return env.some((entry) => entry.name === name);
}

/** The variables with others in front, which thereby can be referred to as `$(NAME)`; entries of the same names are gone. */
export function withFirst(env: readonly EnvVar[], first: readonly EnvVar[]): EnvVar[] {
  const names = new Set(first.map(({ name }) => name));
  return [...first, ...env.filter(({ name }) => !names.has(name))];
}

/** The variables with one set to a value where it stood, else at the end. */
export function withValue(env: readonly EnvVar[], name: string, value: string): EnvVar[] {
  if (!sets(env, name)) return [...env, { name, value }];
  const at = env.findIndex((entry) => entry.name === name);
  return env.flatMap((entry, index) => {
    if (index === at) return [{ name, value }];
    return entry.name === name ? [] : [entry];
  });
}
