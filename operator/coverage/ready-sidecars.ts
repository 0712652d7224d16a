import { z } from 'zod';
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import { pods } from '../kube/resource.ts';
import { sidecarName } from '../webhook/names.ts';
import type { CountedPod } from './count-pods.ts';

/** For so long it is believed that a sidecar is ready. */
const readyMs = 300_000;
/** And so long that it is not: it may just be about to start. */
const notReadyMs = 14_000;
/** Pods that are looked at in one count: with counts every 15 s, 4,000 in the life of an answer. */
const defaultMaxLooks = 200;

const podObject = z.object({
  metadata: z.object({ uid: z.string() }),
  status: z
    .object({
      initContainerStatuses: z
        .array(z.object({ name: z.string(), ready: z.boolean().default(false) }))
        .default([]),
    })
    .prefault({}),
});

/**
 * Which sidecars are ready, by the word of their kubelets: asked for pods that another replica of the operator may serve. Bounded in
 * what is asked at once, and in what is remembered by the pods that were asked about lately.
 */
export class ReadySidecars {
  readonly #kube: KubeClient;
  readonly #clock: Clock;
  readonly #maxLooks: number;
  readonly #said = new Map<string, { isReady: boolean; untilMs: number }>();

  constructor({
    kube,
    clock,
    maxLooks = defaultMaxLooks,
  }: {
    kube: KubeClient;
    clock: Clock;
    maxLooks?: number;
  }) {
    this.#kube = kube;
    this.#clock = clock;
    this.#maxLooks = maxLooks;
  }

  /**
   * Looks at those of these pods that nothing is known of; true when something is known of all of them by then.
   *
   * @throws KubeError, or the signal's reason
   */
  async look(suspects: readonly CountedPod[], { signal }: { signal: AbortSignal }): Promise<boolean> {
    for (const [uid, { untilMs }] of this.#said) if (untilMs < this.#clock.nowMs()) this.#said.delete(uid);
    const unknown = suspects.filter(({ uid }) => !this.#said.has(uid));
    for (const pod of unknown.slice(0, this.#maxLooks)) {
      const isReady = await this.#ask(pod, signal);
      this.#said.set(pod.uid, { isReady, untilMs: this.#clock.nowMs() + (isReady ? readyMs : notReadyMs) });
    }
    return unknown.length <= this.#maxLooks;
  }

  isReady(uid: string): boolean {
    return this.#said.get(uid)?.isReady ?? false;
  }

  async #ask({ namespace, name, uid }: CountedPod, signal: AbortSignal): Promise<boolean> {
    const object = await this.#kube.get(pods, { namespace, name, signal });
    if (object === undefined) return false;
    const { metadata, status } = podObject.parse(object);
    const sidecar = status.initContainerStatuses.find((container) => container.name === sidecarName);
    return metadata.uid === uid && sidecar?.ready === true;
  }
}
