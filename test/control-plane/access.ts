import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { z } from 'zod';
import { ControlPlaneError } from './errors.ts';
import { eventually } from './eventually.ts';

const issuedToken = z.object({ status: z.object({ token: z.string() }) });
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const CALL_TIMEOUT_MS = 30_000;
const KUBECTL_TIMEOUT_MS = 60_000;

/** Who may be asked for: `admin` is in `system:masters`, `nobody` may do what every authenticated user may. */
export type ControlPlaneUser = 'admin' | 'nobody';

/** All that another process needs to use a running control plane; plain data. */
export interface ControlPlaneAddress {
  /** `https://127.0.0.1:<port>`. */
  url: string;
  /** Holds certificates, kubeconfigs and logs. */
  dir: string;
  caFile: string;
  tokens: Record<ControlPlaneUser, string>;
  kubectl: string;
  /** Without a controller-manager nobody makes default ServiceAccounts, so `createNamespace` does. */
  controllerManager: boolean;
}

/** One HTTP exchange with the API server. */
export interface ApiCall {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its query, e.g. `/api/v1/namespaces?limit=1`. */
  path: string;
  body?: unknown;
  /** `application/json` unless told, e.g. `application/apply-patch+yaml`. */
  contentType?: string;
  /** The admin's unless told. */
  token?: string;
}

/** What the API server said; `body` is parsed JSON, or text where it is none. */
export interface ApiAnswer {
  status: number;
  body: unknown;
}

/** What a program printed and how it ended. */
export interface KubectlResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** A running control plane as tests use it. */
export interface ControlPlaneAccess extends ControlPlaneAddress {
  adminToken: string;
  /** The CA of the API server in PEM. */
  ca: string;
  kubeconfigPath: (user: ControlPlaneUser) => string;
  /** Any answer resolves, also an error status; rejects with `request_failed` when there is none. */
  call: (call: ApiCall) => Promise<ApiAnswer>;
  /** Runs kubectl; any exit code resolves. `input` is its standard input. */
  kubectlRun: (
    args: string[],
    options?: { user?: ControlPlaneUser; input?: string },
  ) => Promise<KubectlResult>;
  /** A namespace of its own for a test, with its default ServiceAccount in place; resolves to its name. */
  createNamespace: (options?: { prefix?: string; labels?: Record<string, string> }) => Promise<string>;
  /** A token as a pod's volume would get it, from the real TokenRequest API. */
  serviceAccountToken: (of: ServiceAccountTokenRequest) => Promise<string>;
}

/** Whose token, for which audience, and for which pod if it is to be bound to one. */
export interface ServiceAccountTokenRequest {
  namespace: string;
  /** `default` unless told. */
  serviceAccount?: string;
  /** The API server itself unless told. */
  audience?: string;
  /** 600 at least, which is also the default. */
  expirationSeconds?: number;
  pod?: { name: string; uid: string };
}

/** Makes a control plane usable from its address, in whichever process. */
export function accessTo(address: ControlPlaneAddress): ControlPlaneAccess {
  const ca = readFileSync(address.caFile, 'utf8');
  const call = (api: ApiCall): Promise<ApiAnswer> => exchange({ address, ca }, api);
  return {
    ...address,
    ca,
    adminToken: address.tokens.admin,
    kubeconfigPath: (user) => kubeconfigPath(address.dir, user),
    call,
    kubectlRun: (args, options) => runKubectl(address, args, options),
    createNamespace: (options) => createNamespace({ address, call }, options),
    serviceAccountToken: (of) => requestToken(call, of),
  };
}

/** Where the kubeconfig of a user lies. */
export function kubeconfigPath(dir: string, user: string): string {
  return join(dir, `${user}.kubeconfig`);
}

function exchange(
  { address, ca }: { address: ControlPlaneAddress; ca: string },
  api: ApiCall,
): Promise<ApiAnswer> {
  const { method = 'GET', path, body, contentType = 'application/json', token = address.tokens.admin } = api;
  const headers = { authorization: `Bearer ${token}`, 'content-type': contentType };
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void =>
      reject(
        new ControlPlaneError('request_failed', `${method} ${path} got no answer from ${address.url}`, {
          cause,
        }),
      );
    // `agent: false`: a connection a call, so that nothing is left open when the test ends.
    const options = { method, headers, ca, agent: false, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) };
    const sent = request(new URL(path, address.url), options, (answer) => {
      collect(answer).then((text) => resolve({ status: answer.statusCode ?? 0, body: parsed(text) }), fail);
    });
    sent.on('error', fail);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function collect(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function runKubectl(
  address: ControlPlaneAddress,
  args: string[],
  { user = 'admin', input = '' }: { user?: ControlPlaneUser; input?: string } = {},
): Promise<KubectlResult> {
  const env = {
    ...process.env,
    KUBECONFIG: kubeconfigPath(address.dir, user),
    KUBECACHEDIR: join(address.dir, 'kubectl-cache'),
  };
  return new Promise((resolve, reject) => {
    const options = { env, timeout: KUBECTL_TIMEOUT_MS, maxBuffer: MAX_ANSWER_BYTES };
    const child = execFile(address.kubectl, args, options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') {
        reject(
          new ControlPlaneError('request_failed', `kubectl ${args.join(' ')} did not end by itself`, {
            cause: error,
          }),
        );
        return;
      }
      resolve({ exitCode: Number(error?.code ?? 0), stdout, stderr });
    });
    // kubectl may end before it has read everything; its exit code says what went wrong.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

async function createNamespace(
  { address, call }: { address: ControlPlaneAddress; call: ControlPlaneAccess['call'] },
  { prefix = 'test', labels = {} }: { prefix?: string; labels?: Record<string, string> } = {},
): Promise<string> {
  const name = `${prefix}-${randomBytes(4).toString('hex')}`;
  await created(call, '/api/v1/namespaces', { metadata: { name, labels } });
  if (!address.controllerManager) {
    await created(call, `/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name: 'default' } });
    return name;
  }
  // Pods are refused until it exists.
  await eventually(
    async () => {
      const { status } = await call({ path: `/api/v1/namespaces/${name}/serviceaccounts/default` });
      return status === 200 ? true : undefined;
    },
    { what: `the default ServiceAccount of namespace ${name}`, timeoutMs: 60_000 },
  );
  return name;
}

async function requestToken(
  call: ControlPlaneAccess['call'],
  of: ServiceAccountTokenRequest,
): Promise<string> {
  const { namespace, serviceAccount = 'default', audience, expirationSeconds = 600, pod } = of;
  const spec = {
    expirationSeconds,
    ...(audience === undefined ? {} : { audiences: [audience] }),
    ...(pod === undefined ? {} : { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', ...pod } }),
  };
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
  return issuedToken.parse(await created(call, path, { spec })).status.token;
}

async function created(call: ControlPlaneAccess['call'], path: string, body: unknown): Promise<unknown> {
  const answer = await call({ method: 'POST', path, body });
  if (answer.status !== 201) {
    throw new ControlPlaneError(
      'request_failed',
      `POST ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`,
    );
  }
  return answer.body;
}
