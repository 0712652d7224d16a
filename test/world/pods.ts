import { randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ControlPlaneAccess } from '../control-plane/access.ts';
import { eventually } from '../control-plane/eventually.ts';

/** Node that pods are bound to where no kubelet runs; a pod of a node that does not exist is deleted. */
const nodeName = 'no-kubelet';
const audience = 'sapai.eerly.ai';
const created = z.object({ metadata: z.object({ name: z.string(), uid: z.string() }) });

export interface PodOptions {
  namespace: string;
  name: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  /** The random key that its application authenticates with. */
  appKey: string;
  /** Environment of the application's container. */
  env?: Record<string, string>;
}

/** A pod object of the API server whose containers run as processes here. */
export interface Pod {
  namespace: string;
  name: string;
  uid: string;
  appKey: string;
}

/** Registers the node once. */
export async function ensureNode(controlPlane: ControlPlaneAccess): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName } };
  const answer = await controlPlane.call({ method: 'POST', path: '/api/v1/nodes', body });
  if (answer.status >= 300 && answer.status !== 409)
    throw new Error(`no node: ${JSON.stringify(answer.body)}`);
}

/** Creates a pod object bound to our node, with the application's environment in its spec. */
export async function createPod(controlPlane: ControlPlaneAccess, options: PodOptions): Promise<Pod> {
  const { namespace, name, appKey, labels = {}, annotations = {}, env = {} } = options;
  const answer = await controlPlane.call({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/pods`,
    body: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels, annotations },
      spec: {
        nodeName,
        automountServiceAccountToken: false,
        tolerations: [{ operator: 'Exists' }],
        containers: [
          {
            name: 'app',
            image: 'app',
            env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
          },
        ],
      },
    },
  });
  if (answer.status >= 300) throw new Error(`no pod: ${JSON.stringify(answer.body)}`);
  const { metadata } = created.parse(answer.body);
  return { namespace, name, uid: metadata.uid, appKey };
}

/** Says as a kubelet would that the containers of a pod run. */
export async function sayRunning(
  controlPlane: ControlPlaneAccess,
  { namespace, name }: Pick<Pod, 'namespace' | 'name'>,
): Promise<void> {
  const answer = await controlPlane.call({
    method: 'PATCH',
    path: `/api/v1/namespaces/${namespace}/pods/${name}/status`,
    contentType: 'application/merge-patch+json',
    body: { status: { phase: 'Running' } },
  });
  if (answer.status >= 300) throw new Error(`not running: ${JSON.stringify(answer.body)}`);
}

/** The random key that the application of a pod authenticates with. */
export function newAppKey(): string {
  return randomBytes(24).toString('base64url');
}

/** Writes what a pod's volumes would hold for the sidecar: the bound token and the operator's CA. */
export async function writeVolumes(
  controlPlane: ControlPlaneAccess,
  { pod, dir, operatorNamespace }: { pod: Pod; dir: string; operatorNamespace: string },
): Promise<{ tokenFile: string; caFile: string; journalDir: string }> {
  const files = {
    tokenFile: join(dir, 'token'),
    caFile: join(dir, 'ca.crt'),
    journalDir: join(dir, 'journal'),
  };
  await mkdir(files.journalDir, { recursive: true });
  const token = await controlPlane.serviceAccountToken({
    namespace: pod.namespace,
    audience,
    expirationSeconds: 3600,
    pod: { name: pod.name, uid: pod.uid },
  });
  await writeWhole(files.tokenFile, token);
  await writeWhole(files.caFile, await operatorCa(controlPlane, operatorNamespace));
  return files;
}

async function operatorCa(controlPlane: ControlPlaneAccess, namespace: string): Promise<string> {
  const configMap = z.object({ data: z.object({ 'ca.crt': z.string() }) });
  const probe = async (): Promise<string | undefined> => {
    const path = `/api/v1/namespaces/${namespace}/configmaps/sap-ai-budget-ca`;
    const found = configMap.safeParse((await controlPlane.call({ path })).body);
    return found.success ? found.data.data['ca.crt'] : undefined;
  };
  return eventually(probe, { what: 'the operator to publish its CA', timeoutMs: 30_000 });
}

async function writeWhole(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
