import { accessSync, constants, mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { KubeClient } from '../../operator/kube/client.ts';
import { systemClock } from '../../operator/kube/clock.ts';
import { readConfig, type RunnerConfig } from './config.ts';
import { RunnerError } from './errors.ts';
import { readImageMap } from './images.ts';
import { Runner } from './runner.ts';

/** Runs until SIGTERM or SIGINT, then ends all that it has started. */
async function main(args: string[]): Promise<void> {
  const config = readConfig(args);
  const images = await readImageMap(config.imagesFile);
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(config.kubeconfig);
  const apiServer = kubeConfig.getCurrentCluster()?.server;
  if (apiServer === undefined)
    throw new RunnerError('arguments_invalid', `${config.kubeconfig} names no current cluster`);
  const kube = new KubeClient(kubeConfig, { fieldManager: 'sap-ai-budget-runner' });
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());
  const memoryDir = newMemoryDir(config);
  const runner = new Runner({ kube, apiServer, images, config, memoryDir, clock: systemClock, say });
  await runner.run(stopping.signal);
  await kube.close();
}

/** In memory where the machine has a place for that. */
function newMemoryDir({ dir }: RunnerConfig): string {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  try {
    accessSync('/dev/shm', constants.W_OK | constants.X_OK);
    return mkdtempSync('/dev/shm/sap-ai-budget-runner-');
  } catch {
    return mkdtempSync(join(dir, 'memory-'));
  }
}

function say(line: string): void {
  console.log(`${new Date().toISOString()} ${line}`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof RunnerError ? error.message : error);
  process.exitCode = 1;
}
