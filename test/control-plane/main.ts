import { once } from 'node:events';
import { ControlPlaneError } from './errors.ts';
import { ensureBinaries } from './binaries.ts';
import { startControlPlane } from './start.ts';

/**
 * `node test/control-plane/main.ts` starts a control plane and keeps it until Ctrl-C;
 * with `--build-only` it only sees to it that the programs are there.
 */
async function main(args: string[]): Promise<void> {
  if (args.includes('--build-only')) {
    const paths = await ensureBinaries(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'], {
      say,
    });
    for (const [name, path] of Object.entries(paths)) say(`${name}: ${path}`);
    return;
  }
  const stopped = untilSignal();
  const controlPlane = await startControlPlane({ say });
  console.log(`export KUBECONFIG=${controlPlane.kubeconfigPath('admin')}`);
  say(`${controlPlane.url} is ready; logs are in ${controlPlane.dir}; Ctrl-C ends it and removes everything`);
  await stopped;
  await controlPlane.stop();
}

async function untilSignal(): Promise<void> {
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof ControlPlaneError ? error.message : error);
  process.exitCode = 1;
}
