import { inject } from 'vitest';
import { accessTo, type ControlPlaneAccess, type ControlPlaneAddress } from './access.ts';

declare module 'vitest' {
  interface ProvidedContext {
    controlPlane: ControlPlaneAddress;
  }
}

/**
 * The control plane that all integration test files of this run share. Take a namespace of your own
 * (`createNamespace`) and leave cluster-wide objects that others may use alone; a test that restarts the
 * API server starts a control plane of its own with `startControlPlane`.
 */
export function sharedControlPlane(): ControlPlaneAccess {
  return accessTo(inject('controlPlane'));
}
