import type { TestProject } from 'vitest/node';
import { startControlPlane } from './start.ts';

/** Starts the one control plane that all integration test files of a run share; vitest calls it once a run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const controlPlane = await startControlPlane();
  const { url, dir, caFile, tokens, kubectl, controllerManager } = controlPlane;
  project.provide('controlPlane', { url, dir, caFile, tokens, kubectl, controllerManager });
  return () => controlPlane.stop();
}
