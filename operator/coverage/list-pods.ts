import type { KubeClient } from '../kube/client.ts';
import { namespaces, pods } from '../kube/resource.ts';
import type { KubeObject, ObjectMeta } from '../kube/resource.ts';
import { budgetLabel } from '../lease-service/allowed-budgets.ts';
import { exemptNamespaces } from '../webhook/webhook-configuration.ts';
import type { CountedPod } from './count-pods.ts';

/** What labels choose in the whole cluster, as of about one moment. */
export interface SelectedPods {
  pods: CountedPod[];
  /** Labels of a namespace as far as they choose budgets for its pods. */
  namespaceLabels: (namespace: string) => Readonly<Record<string, string>>;
}

const exempt: ReadonlySet<string> = new Set(exemptNamespaces);
/** A pod runs only after its sidecar has started; one that does not run yet, or has ended, spends nothing. */
const running = 'status.phase=Running';

/**
 * Lists the running pods that the webhook is asked about, by the same rules. Of each its metadata alone are read, page by page.
 *
 * @throws KubeError, or the signal's reason
 */
export async function listPods(
  kube: KubeClient,
  { operatorNamespace, signal }: { operatorNamespace: string; signal: AbortSignal },
): Promise<SelectedPods> {
  const labelled = await kube.list<KubeObject>(namespaces, {
    labelSelector: budgetLabel,
    metadataOnly: true,
    signal,
  });
  // A label on its own namespace does not choose the operator.
  const labels = new Map(
    labelled.items
      .filter(({ metadata: { name } }) => name !== operatorNamespace && !exempt.has(name))
      .map(({ metadata }) => [metadata.name, metadata.labels ?? {}]),
  );
  const list = async (labelSelector: string, namespace?: string): Promise<CountedPod[]> => {
    const select = { namespace, labelSelector, fieldSelector: running, metadataOnly: true, signal };
    return (await kube.list<KubeObject>(pods, select)).items.map(({ metadata }) => counted(metadata));
  };
  const found = (await list(budgetLabel)).filter(({ namespace }) => !exempt.has(namespace));
  for (const namespace of labels.keys()) found.push(...(await list(`!${budgetLabel}`, namespace)));
  return { pods: found, namespaceLabels: (namespace) => labels.get(namespace) ?? {} };
}

function counted({ namespace = '', name, uid = '', labels = {}, annotations = {} }: ObjectMeta): CountedPod {
  return { namespace, name, uid, labels, annotations };
}
