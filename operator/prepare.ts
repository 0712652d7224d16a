import type { Logger } from 'pino';
import type { ServingCertificates } from './certificates/ensure.ts';
import type { OperatorConfig } from './config.ts';
import { currentCertificates } from './keep-certificates.ts';
import { NotInstalledError, requireCrds } from './installed.ts';
import { pause, systemClock } from './kube/clock.ts';
import type { KubeClient } from './kube/client.ts';
import { ensureDefaultRateCard } from './rate-card/ensure-default.ts';
import type { ServerClock } from './server-clock.ts';

/** A missing CRD or server is looked for again this often: installers apply things in any order. */
const againAfterMs = 5_000;

export interface Preparation {
  kube: KubeClient;
  config: OperatorConfig;
  clock: ServerClock;
  leads: () => boolean;
  log: Logger;
  signal: AbortSignal;
}

/**
 * Makes what the operator needs in the cluster: tried again until it is there. Rejects only with the signal's reason.
 */
export async function prepareCluster(options: Preparation): Promise<ServingCertificates> {
  const { log, signal } = options;
  for (;;) {
    try {
      return await prepareOnce(options);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof NotInstalledError) log.error({ reason: error.reason }, error.message);
      else log.error({ err: error }, 'the cluster cannot be used yet');
      await pause(systemClock, againAfterMs, signal);
      signal.throwIfAborted();
    }
  }
}

async function prepareOnce({
  kube,
  config,
  clock,
  leads,
  log,
  signal,
}: Preparation): Promise<ServingCertificates> {
  const { namespace, advertisedNames: names } = config;
  await requireCrds(kube, { namespace, signal });
  const offsetMs = await clock.correct(() => kube.serverTime({ signal }));
  if (offsetMs !== 0) log.warn({ offsetMs }, 'this clock differs from that of the API server');
  if (await ensureDefaultRateCard(kube, { signal })) log.info('default rate card created');
  return currentCertificates({ kube, namespace, names, clock, leads, log, signal });
}

/** Keeps the clock right until the signal fires. A server that does not answer leaves it as it is. */
export async function keepTime({
  kube,
  clock,
  log,
  signal,
}: Omit<Preparation, 'config' | 'leads'>): Promise<void> {
  while (!signal.aborted) {
    await pause(systemClock, 60_000, signal);
    if (signal.aborted) return;
    await clock
      .correct(() => kube.serverTime({ signal }))
      .catch((error: unknown) => log.debug({ err: error }, 'the API server does not tell the time'));
  }
}
