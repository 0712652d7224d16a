import type { BudgetRef } from '../configuration/budget-ref.ts';
import { Informer } from '../kube/informer.ts';
import type { Clock } from '../kube/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { secrets } from '../kube/resource.ts';
import type { KubeObject } from '../kube/resource.ts';
import type { SecretEntries } from '../sap/secret-layout.ts';

interface Secret extends KubeObject {
  data?: Record<string, string>;
}

/** Which Secret; the namespace is the budget's. */
export type SecretRef = BudgetRef;

interface Referenced {
  users: Set<string>;
  entries?: { value: SecretEntries | undefined; readAtMs: number };
  /** Counts changes that were seen: what was read before one is not kept. */
  changes: number;
  stop?: () => void;
}

/**
 * Each watch is a connection of its own, and the client has a few hundred. Secrets beyond this are read again after
 * `maxAgeMs` only.
 */
const maxWatches = 100;

export interface SecretReaderOptions {
  kube: KubeClient;
  clock: Clock;
  /** Age at which a Secret is read again, watched or not. */
  maxAgeMs: number;
  /** Told of the users of a Secret that has changed. */
  onChange: (user: string) => void;
  /** Takes over a watch, which resolves at its end. */
  own: (watch: Promise<void>) => void;
  /** Ends all watches. */
  signal: AbortSignal;
}

/**
 * Reads the Secrets that budgets name, and watches just those, one by one: the operator needs no right to list others.
 * What is read is kept until the watch tells of a change.
 */
export class SecretReader {
  readonly #options: SecretReaderOptions;
  readonly #referenced = new Map<string, Referenced>();
  #watches = 0;

  constructor(options: SecretReaderOptions) {
    this.#options = options;
  }

  /**
   * The decoded entries of a Secret, undefined where there is none. From now on `user` is told of its changes, and of
   * those of no other Secret.
   *
   * @throws KubeError
   */
  async read(
    secret: SecretRef,
    { user, signal }: { user: string; signal: AbortSignal },
  ): Promise<SecretEntries | undefined> {
    const referenced = this.#refer(secret, user);
    const nowMs = this.#options.clock.nowMs();
    const { entries, changes } = referenced;
    if (entries && nowMs - entries.readAtMs < this.#options.maxAgeMs) return entries.value;
    const object = await this.#options.kube.get<Secret>(secrets, { ...secret, signal });
    const value = object === undefined ? undefined : decode(object);
    if (referenced.changes === changes) referenced.entries = { value, readAtMs: nowMs };
    return value;
  }

  /** The user is gone: nobody needs its Secret any more, unless others do. */
  release(user: string): void {
    for (const key of this.#referenced.keys()) this.#releaseFrom(key, user);
  }

  #refer(secret: SecretRef, user: string): Referenced {
    const wanted = `${secret.namespace}/${secret.name}`;
    for (const key of this.#referenced.keys()) if (key !== wanted) this.#releaseFrom(key, user);
    const referenced = this.#referenced.get(wanted) ?? this.#watch(secret, wanted);
    referenced.users.add(user);
    return referenced;
  }

  #watch(secret: SecretRef, key: string): Referenced {
    const referenced: Referenced = { users: new Set(), changes: 0 };
    this.#referenced.set(key, referenced);
    if (this.#watches >= maxWatches) return referenced;
    const { kube, onChange, own, signal } = this.#options;
    const { namespace, name } = secret;
    const informer = new Informer<Secret>({
      kube,
      resource: secrets,
      namespace,
      fieldSelector: `metadata.name=${name}`,
    });
    informer.onChange(() => {
      delete referenced.entries;
      referenced.changes += 1;
      for (const user of referenced.users) onChange(user);
    });
    const stopped = new AbortController();
    referenced.stop = () => stopped.abort();
    this.#watches += 1;
    own(informer.run(AbortSignal.any([signal, stopped.signal])).finally(() => (this.#watches -= 1)));
    return referenced;
  }

  #releaseFrom(key: string, user: string): void {
    const referenced = this.#referenced.get(key);
    if (!referenced?.users.delete(user) || referenced.users.size > 0) return;
    referenced.stop?.();
    this.#referenced.delete(key);
  }
}

function decode({ data = {} }: Secret): SecretEntries {
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [name, Buffer.from(value, 'base64').toString('utf8')]),
  );
}
