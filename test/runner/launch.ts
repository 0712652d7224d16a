import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Container } from '@kubernetes/client-node';
import { declaredVariables, type EnvironmentSources } from './environment.ts';
import { RunnerError } from './errors.ts';
import { findImage, type Image, type ImageMap } from './images.ts';
import type { PodVolumes } from './pod-volumes.ts';
import type { Launch } from './processes.ts';
import { expandVariables, translator } from './translate.ts';

/** Where every pod finds its ServiceAccount, unless it says otherwise. */
const serviceAccountPath = '/var/run/secrets/kubernetes.io/serviceaccount';

const resolverModule = new URL('resolve-services.ts', import.meta.url).href;

/** What turns a container into a process. */
export interface LaunchContext extends EnvironmentSources {
  images: ImageMap;
  volumes: PodVolumes;
  serviceAddress: (namespace: string, service: string) => string | undefined;
  /** Where Node programs find the addresses of Services. */
  servicesFile: string;
  /** URL of the API server as this machine reaches it. */
  apiServer: string;
  /** Directory that belongs to the container alone. */
  containerDir: string;
  logFile: string;
}

/** A container's process, with all its text translated. Throws what belongs in the pod's status. */
export async function launchOf(
  container: V1Container,
  context: LaunchContext,
): Promise<Launch & { translate: (text: string) => string }> {
  const { images, volumes, podIp, containerDir, logFile } = context;
  const image = findImage(images, container.image ?? '');
  refuseUnsupported(container);
  const declared = await declaredVariables(container, context);
  const mounts = await volumes.mounts(container, declared);
  const paths = new Map([...Object.entries(image.paths), ...mounts]);
  const serviceAddress = image.resolver === 'node' ? () => undefined : context.serviceAddress;
  const translate = translator({ paths, podIp, serviceAddress });
  await mkdir(containerDir, { recursive: true });
  const [first, ...args] = commandOf(container, image).map((word) =>
    translate(expandVariables(word, declared)),
  );
  if (first === undefined)
    throw new RunnerError('unsupported', `container "${container.name}" and its image name no command`);
  const declaredHere = [...declared].map(([name, value]): [string, string] => [name, translate(value)]);
  const imageHere = Object.entries(image.env).map(([name, value]): [string, string] => [
    name,
    translate(value),
  ]);
  const base = await baseEnvironment(mounts, context);
  return {
    program: image.programs[first] ?? first,
    args,
    cwd: await workingDir(container, { image, containerDir, translate }),
    env: withResolver(image, { ...base, ...Object.fromEntries([...imageHere, ...declaredHere]) }, context),
    logFile,
    translate,
  };
}

function withResolver(
  { resolver }: Image,
  env: Record<string, string>,
  { servicesFile }: Pick<LaunchContext, 'servicesFile'>,
): Record<string, string> {
  if (resolver === undefined) return env;
  const nodeOptions = `--import=${resolverModule} ${env['NODE_OPTIONS'] ?? ''}`.trim();
  return { ...env, NODE_OPTIONS: nodeOptions, RUNNER_SERVICES: servicesFile };
}

function refuseUnsupported({ name, lifecycle }: V1Container): void {
  if (lifecycle?.postStart === undefined) return;
  throw new RunnerError(
    'unsupported',
    `container "${name}" has a postStart hook, which this runner does not run`,
  );
}

function commandOf({ command, args }: V1Container, image: Image): string[] {
  if (command !== undefined) return [...command, ...(args ?? [])];
  return [...image.entrypoint, ...(args ?? image.cmd)];
}

async function workingDir(
  { workingDir: wanted }: V1Container,
  {
    image,
    containerDir,
    translate,
  }: { image: Image; containerDir: string; translate: (text: string) => string },
): Promise<string> {
  if (wanted === undefined) return image.workingDir ?? containerDir;
  const translated = translate(wanted);
  if (translated !== wanted) return translated;
  // A directory of the image that nothing here stands for: the container gets an empty one of its own, as it would.
  const own = join(containerDir, 'root', wanted);
  await mkdir(own, { recursive: true });
  return own;
}

async function baseEnvironment(
  mounts: ReadonlyMap<string, string>,
  { pod, apiServer, containerDir }: LaunchContext,
): Promise<Record<string, string>> {
  const { hostname, port } = new URL(apiServer);
  const account = mounts.get(serviceAccountPath);
  return {
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: containerDir,
    HOSTNAME: pod.spec.hostname ?? pod.metadata.name,
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port === '' ? '443' : port,
    ...(account !== undefined && {
      KUBECONFIG: await writeKubeconfig(account, { apiServer, containerDir, pod }),
    }),
  };
}

/** In-cluster clients read fixed paths that no text names; this says the same, with the same files, where they lie here. */
async function writeKubeconfig(
  account: string,
  { apiServer, containerDir, pod }: Pick<LaunchContext, 'apiServer' | 'containerDir' | 'pod'>,
): Promise<string> {
  const file = join(containerDir, 'kubeconfig.json');
  const { namespace = '' } = pod.metadata;
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'pod', cluster: { server: apiServer, 'certificate-authority': join(account, 'ca.crt') } },
    ],
    users: [
      {
        name: 'pod',
        user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile: join(account, 'token') } } },
      },
    ],
    contexts: [{ name: 'pod', context: { cluster: 'pod', user: 'pod', namespace } }],
    'current-context': 'pod',
  };
  await writeFile(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}
