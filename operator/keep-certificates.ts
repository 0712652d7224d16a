import type { Logger } from 'pino';
import { ensureCertificates } from './certificates/ensure.ts';
import type { ServingCertificates } from './certificates/ensure.ts';
import { pause } from './kube/clock.ts';
import type { Clock } from './kube/clock.ts';
import type { KubeClient } from './kube/client.ts';

/** Soonest and latest next look, whatever a certificate says: the leader renews it for all, and somebody may delete it. */
const soonestMs = 10_000;
const latestMs = 60_000;

export interface CertificateKeeperOptions {
  kube: KubeClient;
  namespace: string;
  names: readonly string[];
  /** The API server's time. */
  clock: Clock;
  /** Others take what the leader has stored. */
  leads: () => boolean;
  log: Logger;
  signal: AbortSignal;
}

/** The certificates to serve with, made where there are none that can be used. */
export async function currentCertificates(options: CertificateKeeperOptions): Promise<ServingCertificates> {
  const { kube, namespace, names, clock, leads, log, signal } = options;
  const now = new Date(clock.nowMs());
  const serving = await ensureCertificates(kube, { namespace, names, now, readOnly: !leads(), signal });
  if (serving.changes.length > 0)
    log.info({ changes: serving.changes, renewAt: serving.renewAt }, 'certificates changed');
  return serving;
}

/** Renews them in time, until the signal fires; `use` is told of each new pair. What fails is tried again. */
export async function keepCertificates(
  first: ServingCertificates,
  options: CertificateKeeperOptions & { use: (serving: ServingCertificates) => void },
): Promise<void> {
  const { clock, log, signal, use } = options;
  let serving = first;
  while (!signal.aborted) {
    const untilMs = serving.renewAt.getTime() - clock.nowMs();
    await pause(clock, Math.min(Math.max(untilMs, soonestMs), latestMs), signal);
    if (signal.aborted) return;
    try {
      const renewed = await currentCertificates(options);
      if (renewed.certificate !== serving.certificate) use(renewed);
      serving = renewed;
    } catch (error) {
      log.error({ err: error }, 'certificates could not be renewed');
    }
  }
}
