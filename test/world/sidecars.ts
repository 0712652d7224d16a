import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ControlPlaneAccess } from '../control-plane/access.ts';
import { freePorts } from '../control-plane/ports.ts';
import { type Pod, writeVolumes } from './pods.ts';
import type { Programs } from './programs.ts';

/** A sidecar that runs as a process here, for a pod object of the API server. */
export interface Sidecar {
  /** Name of its process and log. */
  program: string;
  /** What the application calls. */
  url: string;
  adminUrl: string;
  journalDir: string;
  pod: Pod;
  budget: string;
  /** Starts it (again) with the same ports, volumes and journal. */
  start: () => Promise<void>;
}

export interface SidecarPorts {
  app: number;
  admin: number;
}

/** Ports that are free now: an application's environment names one before its sidecar runs. */
export async function sidecarPorts(): Promise<SidecarPorts> {
  const [app = 0, admin = 0] = await freePorts(2);
  return { app, admin };
}

export interface SidecarOptions {
  pod: Pod;
  /** Default budget of the pod, for the application's key. */
  budget: string;
  operatorUrl: string;
  operatorNamespace: string;
  dir: string;
  /** Where it listens, for the application and for metrics. */
  ports: SidecarPorts;
  /** Settings beside the ones every sidecar needs. */
  settings?: Record<string, string>;
}

/** Prepares volumes and ports and starts the sidecar of a pod. */
export async function startSidecar(
  { controlPlane, programs }: { controlPlane: ControlPlaneAccess; programs: Programs },
  options: SidecarOptions,
): Promise<Sidecar> {
  const { pod, budget, operatorUrl, operatorNamespace, ports, settings = {} } = options;
  const dir = join(options.dir, `${pod.namespace}-${pod.name}`);
  await mkdir(dir, { recursive: true });
  const volumes = await writeVolumes(controlPlane, { pod, dir, operatorNamespace });
  const program = `sidecar-${pod.namespace}-${pod.name}`;
  const adminUrl = `http://127.0.0.1:${ports.admin}`;
  const env = {
    SAPAIBUDGET_LISTEN: `127.0.0.1:${ports.app}`,
    SAPAIBUDGET_ADMIN_LISTEN: `127.0.0.1:${ports.admin}`,
    SAPAIBUDGET_OPERATOR_URL: operatorUrl,
    SAPAIBUDGET_CA_FILE: volumes.caFile,
    SAPAIBUDGET_TOKEN_FILE: volumes.tokenFile,
    SAPAIBUDGET_JOURNAL_DIR: volumes.journalDir,
    SAPAIBUDGET_APP_KEY: pod.appKey,
    ...settings,
  };
  const start = (): Promise<void> =>
    programs.start({ name: program, entry: 'sidecar/main.ts', env, readyUrl: `${adminUrl}/readyz` });
  await start();
  const { journalDir } = volumes;
  return { program, url: `http://127.0.0.1:${ports.app}`, adminUrl, journalDir, pod, budget, start };
}

/** What the application's container gets: SAP's own variables, pointing at the sidecar, worth nothing elsewhere. */
export function applicationEnv({
  ports,
  appKey,
  budget,
}: {
  ports: SidecarPorts;
  appKey: string;
  budget: string;
}): Record<string, string> {
  const url = `http://127.0.0.1:${ports.app}`;
  const serviceKey = {
    clientid: `${budget}.${appKey}`,
    clientsecret: appKey,
    url,
    identityzone: 'sap-ai-budget',
    identityzoneid: 'sap-ai-budget',
    appname: 'sap-ai-budget',
    serviceurls: { AI_API_URL: url },
  };
  return { AICORE_SERVICE_KEY: JSON.stringify(serviceKey), AICORE_RESOURCE_GROUP: 'default' };
}
