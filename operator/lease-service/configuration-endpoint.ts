import { configurationRequest, encodeMessage } from '../../accounting/messages.ts';
import type { ConfigurationSource } from '../configuration/configuration-source.ts';
import type { Endpoint } from './caller.ts';
import { CallsUnderWay } from './calls-under-way.ts';
import { parseMessage } from './errors.ts';
import { PodMetering } from './pod-metering.ts';

/** A process that ends, the one that follows, and a repetition of each. */
const maxPollsOfPod = 4;

/** `POST /v1/configuration`. Waits until what a pod is to know differs from what it has seen, within its patience. */
export function configurationEndpoint({ source }: { source: ConfigurationSource }): Endpoint {
  const underWay = new CallsUnderWay(maxPollsOfPod);
  return async (caller, body) => {
    const { seen, recalls, waitSeconds } = parseMessage(configurationRequest, body);
    const own = new PodMetering(caller.metering);
    const known = { seen: own.sourceEtag(seen), recalls };
    const wait = { ...known, timeoutMs: waitSeconds * 1000, signal: caller.signal };
    const answer = await underWay.run(caller.pod.uid, () => source.waitForChange(caller.budgets, wait));
    return encodeMessage(own.apply(answer));
  };
}
