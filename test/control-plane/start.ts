import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessTo, kubeconfigPath, type ControlPlaneAccess, type ControlPlaneAddress } from './access.ts';
import { ensureBinaries, type BinaryPaths } from './binaries.ts';
import { writeKeyFiles, type KeyFiles } from './certificates.ts';
import { ChildProcesses } from './child-processes.ts';
import { eventually } from './eventually.ts';
import { freePorts } from './ports.ts';

// Two seconds on an idle machine; tests also start on busy ones.
const READY_TIMEOUT_MS = 120_000;
const API_SERVER = 'kube-apiserver';

/** How to start one. */
export interface StartOptions {
  /** An empty or absent directory that stays after the end; unless given, a temporary one that does not. */
  dir?: string;
  /** Default true. Without it: no garbage collection, and namespaces never finish deleting. */
  controllerManager?: boolean;
  /** Where progress is told, for example of a first build; standard error unless given. */
  say?: (line: string) => void;
}

/** A control plane that this process started. It ends with `stop`, or with this process. */
export interface ControlPlane extends ControlPlaneAccess {
  /** Where etcd answers clients, without TLS. */
  etcdUrl: string;
  /** Kills the API server, starts it again on the same port and waits until it is ready; the data stays. */
  restartApiServer: () => Promise<void>;
  /** Kills the API server and leaves it dead until `restartApiServer`. */
  killApiServer: () => Promise<void>;
  /** Ends everything and removes the temporary directory. May be called again. */
  stop: () => Promise<void>;
}

interface Layout {
  dir: string;
  ports: { client: number; peer: number; api: number };
  keys: KeyFiles;
}

/**
 * Starts a real etcd, kube-apiserver and kube-controller-manager on free ports of 127.0.0.1, with RBAC and
 * ServiceAccount tokens, and resolves when the API server is ready. Rejects with a ControlPlaneError.
 */
export async function startControlPlane(options: StartOptions = {}): Promise<ControlPlane> {
  const { dir: wanted, controllerManager = true, say = sayOnStderr } = options;
  const names = [
    'etcd',
    API_SERVER,
    'kubectl',
    ...(controllerManager ? ['kube-controller-manager' as const] : []),
  ] as const;
  const binaries = await ensureBinaries(names, { say });
  const dir = wanted ?? (await mkdtemp(join(tmpdir(), 'sap-ai-budget-')));
  await mkdir(dir, { recursive: true });
  const children = new ChildProcesses({ logDir: dir, ...(wanted === undefined ? { removeAtEnd: dir } : {}) });
  try {
    return await startIn(dir, { children, binaries, controllerManager });
  } catch (error) {
    await children.stop();
    throw error;
  }
}

async function startIn(
  dir: string,
  {
    children,
    binaries,
    controllerManager,
  }: { children: ChildProcesses; binaries: BinaryPaths; controllerManager: boolean },
): Promise<ControlPlane> {
  const [client = 0, peer = 0, api = 0] = await freePorts(3);
  const layout: Layout = { dir, ports: { client, peer, api }, keys: await writeKeyFiles(dir) };
  const tokens = { admin: newToken(), nobody: newToken(), 'controller-manager': newToken() };
  const url = `https://127.0.0.1:${api}`;
  await writeUsers(layout, { tokens, url });
  const address: ControlPlaneAddress = {
    url,
    dir,
    caFile: layout.keys.certificate,
    tokens: { admin: tokens.admin, nobody: tokens.nobody },
    kubectl: binaries.kubectl,
    controllerManager,
  };
  const access = accessTo(address);
  const startApiServer = async (): Promise<void> => {
    await children.start(API_SERVER, binaries[API_SERVER], apiServerArguments(layout));
    await untilReady(access, children);
  };
  await children.start('etcd', binaries.etcd, etcdArguments(layout));
  await startApiServer();
  if (controllerManager) {
    await children.start(
      'kube-controller-manager',
      binaries['kube-controller-manager'],
      controllerManagerArguments(layout),
    );
  }
  return {
    ...access,
    etcdUrl: `http://127.0.0.1:${client}`,
    restartApiServer: async () => {
      await children.kill(API_SERVER);
      await startApiServer();
    },
    killApiServer: () => children.kill(API_SERVER),
    stop: () => children.stop(),
  };
}

async function untilReady(access: ControlPlaneAccess, children: ChildProcesses): Promise<void> {
  await eventually(
    async () => {
      await children.assertRunning();
      // No answer at all is the normal state until the port is bound.
      const answer = await access.call({ path: '/readyz' }).catch(() => undefined);
      return answer?.status === 200 ? true : undefined;
    },
    {
      what: `the API server at ${access.url} to be ready (its log: ${access.dir}/${API_SERVER}.log)`,
      timeoutMs: READY_TIMEOUT_MS,
    },
  );
}

async function writeUsers(
  layout: Layout,
  { tokens, url }: { tokens: Record<string, string>; url: string },
): Promise<void> {
  // The controllers act within half a second only as a member of system:masters that uses no credentials
  // of its own for each controller.
  const users = [
    `${tokens.admin},admin,u-admin,"system:masters"`,
    `${tokens.nobody},nobody,u-nobody`,
    `${tokens['controller-manager']},system:kube-controller-manager,u-controller-manager,"system:masters"`,
  ];
  await writeFile(join(layout.dir, 'tokens.csv'), `${users.join('\n')}\n`, { mode: 0o600 });
  for (const [user, token] of Object.entries(tokens)) {
    const file = kubeconfigPath(layout.dir, user);
    await writeFile(file, kubeconfig({ url, caFile: layout.keys.certificate, token }), { mode: 0o600 });
  }
}

/** JSON, which is YAML too: kubectl and the client libraries read it. */
function kubeconfig({ url, caFile, token }: { url: string; caFile: string; token: string }): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority': caFile } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  });
}

function etcdArguments({ dir, ports }: Layout): string[] {
  const client = `http://127.0.0.1:${ports.client}`;
  const peer = `http://127.0.0.1:${ports.peer}`;
  return [
    `--data-dir=${join(dir, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--log-level=warn',
    // The data need not survive the machine.
    '--unsafe-no-fsync',
  ];
}

function apiServerArguments({ dir, ports, keys }: Layout): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${ports.client}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${ports.api}`,
    `--tls-cert-file=${keys.certificate}`,
    `--tls-private-key-file=${keys.certificateKey}`,
    `--token-auth-file=${join(dir, 'tokens.csv')}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    // Loopback: where pods are processes of this machine, the API server reaches webhooks behind a Service, too.
    '--service-cluster-ip-range=127.96.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${keys.serviceAccountPublicKey}`,
    `--service-account-signing-key-file=${keys.serviceAccountKey}`,
  ];
}

function controllerManagerArguments({ dir, keys }: Layout): string[] {
  return [
    `--kubeconfig=${kubeconfigPath(dir, 'controller-manager')}`,
    `--root-ca-file=${keys.certificate}`,
    `--service-account-private-key-file=${keys.serviceAccountKey}`,
    '--use-service-account-credentials=false',
    '--leader-elect=false',
    // Its own port is fixed by default, and two control planes may run at once.
    '--secure-port=0',
  ];
}

function newToken(): string {
  return randomBytes(24).toString('base64url');
}

function sayOnStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
