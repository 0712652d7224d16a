import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import { tokenReviews } from '../kube/resource.ts';
import { BoundedCache } from './bounded-cache.ts';
import { EndpointError } from './errors.ts';
import type { PodIdentity } from './pod-directory.ts';

/** Audience of the projected tokens that sidecars show. */
export const tokenAudience = 'sapai.eerly.ai';

/** The API server itself accepts the token of a deleted pod for about as long. */
const acceptedMs = 60_000;
/** Long enough to spare the API server a sidecar in a loop, short enough for a token that is valid a moment later. */
const refusedMs = 5000;
const maxTokens = 8192;
const maxTokenLength = 16_384;
/** The review goes on when the first who asked has left: others may wait for it. */
const reviewMs = 10_000;

const reviewAnswer = z.object({
  status: z.object({
    authenticated: z.boolean().default(false),
    audiences: z.array(z.string()).default([]),
    user: z
      .object({
        username: z.string().default(''),
        extra: z.record(z.string(), z.array(z.string())).default({}),
      })
      .default({ username: '', extra: {} }),
  }),
});

/** Says which pod a bearer token belongs to, by the API server's word. Tokens are remembered as hashes. */
export class Authenticator {
  readonly #kube: KubeClient;
  readonly #cache: BoundedCache<PodIdentity>;

  constructor({ kube, clock }: { kube: KubeClient; clock: Clock }) {
    this.#kube = kube;
    this.#cache = new BoundedCache({ clock, maxEntries: maxTokens, lifeMs: lifeOfReview });
  }

  /**
   * The pod that the token of this `Authorization` header is bound to. Whether the pod still exists is not looked at.
   *
   * @throws EndpointError `token_missing`, `token_refused` or `token_not_bound`; KubeError when nobody can say
   */
  async identify(authorization: string | undefined): Promise<PodIdentity> {
    const token = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined || token.length > maxTokenLength) throw new EndpointError('token_missing');
    const hash = createHash('sha256').update(token).digest('base64');
    return this.#cache.get(hash, () => this.#review(token));
  }

  async #review(token: string): Promise<PodIdentity> {
    const spec = { token, audiences: [tokenAudience] };
    const answer = await this.#kube.create(tokenReviews, { spec }, { signal: AbortSignal.timeout(reviewMs) });
    const { authenticated, audiences, user } = reviewAnswer.parse(answer).status;
    // An API server that knows no audiences answers for its own, and leaves ours out.
    if (!authenticated || !audiences.includes(tokenAudience)) throw new EndpointError('token_refused');
    const [, namespace] = /^system:serviceaccount:([^:]+):[^:]+$/.exec(user.username) ?? [];
    const name = user.extra['authentication.kubernetes.io/pod-name']?.[0];
    const uid = user.extra['authentication.kubernetes.io/pod-uid']?.[0];
    if (!namespace || !name || !uid) throw new EndpointError('token_not_bound');
    return { namespace, name, uid };
  }
}

function lifeOfReview(outcome: PromiseSettledResult<PodIdentity>): number {
  if (outcome.status === 'fulfilled') return acceptedMs;
  return outcome.reason instanceof EndpointError ? refusedMs : 0;
}
