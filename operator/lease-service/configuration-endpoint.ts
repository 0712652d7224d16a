import { type ConfigurationAnswer, configurationRequest } from '../../accounting/configuration-messages.ts';
import { encodeMessage } from '../../accounting/messages.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import type { ConfigurationSource, ConfigurationWait } from '../configuration/configuration-source.ts';
import type { Homes } from '../replicas/peers.ts';
import type { Endpoint } from './caller.ts';
import { CallsUnderWay } from './calls-under-way.ts';
import { parseMessage } from './errors.ts';
import { holderOf } from './lease-endpoint.ts';
import { PodMetering } from './pod-metering.ts';

/** A process that ends, the one that follows, and a repetition of each. */
const maxPollsOfPod = 4;

/**
 * `POST /v1/configuration`. Waits until what a pod is to know differs from what it has seen, or its home is another one,
 * within its patience.
 */
export function configurationEndpoint({
  source,
  homes,
  rootNamespaceOf = () => undefined,
}: {
  source: ConfigurationSource;
  homes: Homes;
  rootNamespaceOf?: ((budget: BudgetRef) => string | undefined) | undefined;
}): Endpoint {
  const underWay = new CallsUnderWay(maxPollsOfPod);
  return async (caller, body) => {
    const { seen, recalls, home, waitSeconds } = parseMessage(configurationRequest, body);
    const own = new PodMetering(caller.metering);
    const known = { seen: own.sourceEtag(seen), recalls };
    const { signal } = caller;
    const wait = { ...known, holder: holderOf(caller).key, timeoutMs: waitSeconds * 1000, signal };
    const [budget] = caller.budgets;
    // A recall reaches only who polls the replica where it begins: a root and all below it have one home.
    const namespace = (budget && rootNamespaceOf(budget)) ?? caller.pod.namespace;
    const answer = await underWay.run(caller.pod.uid, () =>
      home === undefined
        ? source.waitForChange(caller.budgets, wait)
        : waitAtHome({ source, homes, home, namespace }, caller.budgets, wait),
    );
    return encodeMessage(own.apply(answer));
  };
}

/** As the source does, but no longer than the home is what the caller was told; the answer names it. */
async function waitAtHome(
  {
    source,
    homes,
    home,
    namespace,
  }: { source: ConfigurationSource; homes: Homes; home: string; namespace: string },
  budgets: readonly BudgetRef[],
  wait: ConfigurationWait,
): Promise<ConfigurationAnswer> {
  const moved = new AbortController();
  const look = (): void => {
    if ((homes.homeOf(namespace) ?? '') !== home) moved.abort(new Error('the home is another replica'));
  };
  const stopLooking = homes.onChange(look);
  look();
  try {
    const signal = AbortSignal.any([wait.signal, moved.signal]);
    const answer = await source.waitForChange(budgets, { ...wait, signal });
    return withHome(answer, { homes, namespace });
  } catch (error) {
    if (wait.signal.aborted || !moved.signal.aborted) throw error;
    const current = source.current(budgets);
    // What is known is not worth sending all over again.
    const answer = current.etag === wait.seen ? { ...current, budgets: [] } : current;
    return withHome(answer, { homes, namespace });
  } finally {
    stopLooking();
  }
}

function withHome(
  answer: ConfigurationAnswer,
  { homes, namespace }: { homes: Homes; namespace: string },
): ConfigurationAnswer {
  const [home, standIn] = [homes.homeOf(namespace), homes.standInOf(namespace)];
  return { ...answer, ...(home !== undefined && { home }), ...(standIn !== undefined && { standIn }) };
}
