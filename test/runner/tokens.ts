import type { V1ServiceAccountTokenProjection } from '@kubernetes/client-node';
import type { KubeClient } from '../../operator/kube/client.ts';
import type { Clock } from '../../operator/kube/clock.ts';
import { type Pod, uidOf } from './kubernetes.ts';

/** Kubernetes' own default and the share of a token's life after which the kubelet renews it. */
const defaultLifeSeconds = 3600;
const renewAfterShare = 0.8;

interface Held {
  token: string;
  renewAtMs: number;
}

/** How a pod's tokens are had. */
export interface TokenOptions {
  kube: KubeClient;
  clock: Clock;
  pod: Pod;
  /** A token older than this is renewed whatever its life. */
  maxAgeMs: number;
  signal: AbortSignal;
}

/** Tokens of a pod's ServiceAccount, bound to the pod, each kept until four fifths of its life are over. */
export class PodTokens {
  readonly #options: TokenOptions;
  readonly #held = new Map<string, Held>();

  constructor(options: TokenOptions) {
    this.#options = options;
  }

  /** The token for an audience (the API server's, if none is named), renewed if it is time. */
  async get({
    audience,
    expirationSeconds = defaultLifeSeconds,
  }: V1ServiceAccountTokenProjection): Promise<string> {
    const { clock, maxAgeMs } = this.#options;
    const key = `${expirationSeconds} ${audience ?? ''}`;
    const held = this.#held.get(key);
    const nowMs = clock.nowMs();
    if (held !== undefined && nowMs < held.renewAtMs) return held.token;
    const { token, expirationTimestamp } = await this.#request(audience, expirationSeconds);
    // The server may have shortened or lengthened its life.
    const lifeMs = Date.parse(expirationTimestamp) - nowMs;
    this.#held.set(key, { token, renewAtMs: nowMs + Math.min(maxAgeMs, lifeMs * renewAfterShare) });
    return token;
  }

  #request(
    audience: string | undefined,
    expirationSeconds: number,
  ): Promise<{ token: string; expirationTimestamp: string }> {
    const { kube, pod, signal } = this.#options;
    const { name, namespace = '' } = pod.metadata;
    return kube.requestToken({
      namespace,
      serviceAccount: pod.spec.serviceAccountName ?? 'default',
      ...(audience !== undefined && { audiences: [audience] }),
      expirationSeconds,
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid: uidOf(pod) },
      signal,
    });
  }
}
