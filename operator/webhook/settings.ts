/** Amounts of a resource as Kubernetes quantities, by its name. */
export type ResourceAmounts = Readonly<Record<string, string>>;

/** What every injected sidecar has in common; comes from the operator's settings. */
export interface InjectionSettings {
  /** Image of the sidecar. */
  image: string;
  /** Absent: what the API server makes of the image's tag. */
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never' | undefined;
  command: readonly string[];
  /** HTTPS origin of the operator as pods reach it. */
  operatorUrl: string;
  resources: { requests: ResourceAmounts; limits: ResourceAmounts };
  /** Size of the journal's memory volume, as a Kubernetes quantity; counts against the memory limit. */
  journalSizeLimit: string;
  logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** What is a single pod's own. */
export interface PodGrant {
  /** Budgets the pod may spend from; the first is the default. */
  budgets: readonly [string, ...string[]];
  /** Resource group for containers that name none. */
  resourceGroup: string;
  /** Key between application and sidecar, for a pod that has none yet: at least 32 characters, no dot, from a secure random source. */
  newAppKey: string;
}
