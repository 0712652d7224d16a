import { delimiter, dirname } from 'node:path';
import type { InstalledWorld } from '../world/installed-world.ts';
import { showText, title } from './show.ts';

const firstPod =
  '{.items[0].status.podIP} {.items[0].spec.containers[0].env[?(@.name=="OPENAI_API_KEY")].value}{"\\n"}';
const body = '{"model":"gpt-4o","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}';

/** Says how to look around, and waits until the signal fires. */
export async function stayUp(world: InstalledWorld, signal: AbortSignal): Promise<void> {
  title('Everything stays up until Ctrl-C; to look around in another shell');
  for (const command of commands(world)) console.log(command);
  showText('', `Logs of what runs outside the cluster are in ${world.dir}.`);
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

/** To be pasted as they are, from the first to the last; `kubectl exec` is not there without a kubelet. */
function commands({ controlPlane, emulator }: InstalledWorld): string[] {
  const tools = dirname(controlPlane.kubectl);
  const isOnPath = (process.env.PATH ?? '').split(delimiter).includes(tools);
  return [
    ...(isOnPath ? [] : [`export PATH="$PATH:${tools}"`]),
    `export KUBECONFIG=${controlPlane.kubeconfigPath('admin')}`,
    'kubectl get pods,saib,sais -A',
    'kubectl describe saib -n team-a chat',
    'kubectl get sail -n sap-ai-budget -o yaml',
    'kubectl logs -n sap-ai-budget deployment/sap-ai-budget-operator',
    `read -r ADDRESS KEY < <(kubectl get pod -n team-a -l app=application -o jsonpath='${firstPod}')`,
    `curl -si http://$ADDRESS:15480/v1/chat/completions -H "authorization: Bearer $KEY" -d '${body}'   # a few times, until nothing is left`,
    `kubectl patch saib chat -n team-a --type merge -p '{"spec":{"monthlyLimit":"1"}}'   # raises the cap: call again`,
    `curl -s ${emulator.url}/__emulator/books   # what SAP would bill`,
  ];
}
