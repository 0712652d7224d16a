/** The sidecar's container; nothing else in a pod may be called so. */
export const sidecarName = 'sap-ai-budget';

/** `Hide` (default) or `Keep`: what becomes of service bindings that SAP's Java SDK prefers to the sidecar. */
export const bindingsAnnotation = 'sapai.eerly.ai/service-bindings';

/** The sidecar's volumes; no other container may mount them. */
export const volumeNames = {
  token: 'sap-ai-budget-token',
  authority: 'sap-ai-budget-ca',
  journal: 'sap-ai-budget-journal',
} as const;

/** Where the sidecar listens: the application's port on loopback, metrics and probes on the pod's address. */
export const sidecarPorts = { application: 15_480, admin: 15_481 } as const;

/** What applications call: an origin without a path, because some clients drop a path and others keep it. */
export const sidecarOrigin = `http://127.0.0.1:${sidecarPorts.application}`;

/** Whether a volume is one of the sidecar's. */
export function isSidecarVolume(name: string): boolean {
  return Object.values<string>(volumeNames).includes(name);
}
