import { z } from 'zod';
import { injectionSettings } from './webhook/settings.ts';
import type { InjectionSettings } from './webhook/settings.ts';

const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):\d{1,5}$/, 'must be host:port, such as 0.0.0.0:9443')
  .transform((text) => {
    const colon = text.lastIndexOf(':');
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
  })
  .refine(({ port }) => port <= 65_535, 'must have a port of at most 65535');

const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );

const whole = (unit: string, fallback: number, { min, max }: { min: number; max: number }) =>
  z.coerce
    .number(`must be ${min} to ${max}`)
    .int(`must be a whole number of ${unit}`)
    .min(min, `must be ${min} to ${max}`)
    .max(max, `must be ${min} to ${max}`)
    .default(fallback);

const seconds = whole.bind(undefined, 'seconds');

/** JSON in a variable: what goes into pods has too many members for variables of their own. */
const injection = z
  .string()
  .max(8192)
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'must be JSON' });
      return z.NEVER;
    }
  })
  .pipe(injectionSettings)
  .optional();

/** The environment of the operator. The API server is found by KUBECONFIG, else from inside the cluster. */
const environment = z.object({
  SAPAIBUDGET_NAMESPACE: z
    .string('must be set')
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a namespace'),
  SAPAIBUDGET_LISTEN: address.prefault('0.0.0.0:9443'),
  SAPAIBUDGET_ADMIN_LISTEN: address.prefault('0.0.0.0:9444'),
  SAPAIBUDGET_WEBHOOK_LISTEN: address.prefault('0.0.0.0:9445'),
  SAPAIBUDGET_INJECTION: injection,
  SAPAIBUDGET_ADVERTISED_NAMES: list,
  SAPAIBUDGET_ALLOWED_SAP_HOSTS: list,
  SAPAIBUDGET_REFRESH_SECONDS: seconds(60, { min: 1, max: 3_600 }),
  SAPAIBUDGET_LEASE_SECONDS: seconds(300, { min: 5, max: 3_600 }),
  SAPAIBUDGET_LEADER_SECONDS: seconds(15, { min: 3, max: 300 }),
  SAPAIBUDGET_KEEP_LEDGER_MONTHS: whole('months', 12, { min: 1, max: 120 }),
  SAPAIBUDGET_REPLICA_IP: z.union([z.ipv4(), z.ipv6()], 'must be an IP address').optional(),
  SAPAIBUDGET_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error')
    .default('info'),
});

/** Names of all settings, for the documentation. */
export const settingNames = Object.keys(environment.shape);

/** Settings of the operator. */
export interface OperatorConfig {
  /** Where ledgers, certificates and the CA bundle are kept. */
  namespace: string;
  /** HTTPS for sidecars. */
  listen: { host: string; port: number };
  /** Metrics and probes. */
  adminListen: { host: string; port: number };
  /** HTTPS for the API server's questions about new pods. */
  webhookListen: { host: string; port: number };
  /** What is put into pods; undefined: no pod gets a sidecar by itself, and the webhook is not served. */
  injection: InjectionSettings | undefined;
  /** DNS names and IP addresses under which sidecars and the API server reach the operator. */
  advertisedNames: string[];
  allowedSapHosts: string[];
  refreshMs: number;
  leaseSeconds: number;
  /** How long other replicas wait for a leader, or for any other of them, that is silent. */
  leaderMs: number;
  /** How long ledgers of closed periods stay, from the end of their period. */
  keepLedgerMonths: number;
  /** Address at which sidecars reach this very replica; undefined: only by the address of all replicas. */
  replicaIp: string | undefined;
  logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** A setting that cannot be used; the message names each of them. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly reason = 'config_invalid';
}

/** Reads the settings. Throws a ConfigError: a bad value stops the start. */
export function readConfig(env: NodeJS.ProcessEnv): OperatorConfig {
  const parsed = environment.safeParse(env);
  if (!parsed.success) throw new ConfigError(explain(parsed.error));
  const { data } = parsed;
  return {
    namespace: data.SAPAIBUDGET_NAMESPACE,
    listen: data.SAPAIBUDGET_LISTEN,
    adminListen: data.SAPAIBUDGET_ADMIN_LISTEN,
    webhookListen: data.SAPAIBUDGET_WEBHOOK_LISTEN,
    injection: data.SAPAIBUDGET_INJECTION,
    advertisedNames: namesOf(data.SAPAIBUDGET_ADVERTISED_NAMES, data.SAPAIBUDGET_NAMESPACE),
    allowedSapHosts: data.SAPAIBUDGET_ALLOWED_SAP_HOSTS,
    refreshMs: data.SAPAIBUDGET_REFRESH_SECONDS * 1000,
    leaseSeconds: data.SAPAIBUDGET_LEASE_SECONDS,
    leaderMs: data.SAPAIBUDGET_LEADER_SECONDS * 1000,
    keepLedgerMonths: data.SAPAIBUDGET_KEEP_LEDGER_MONTHS,
    replicaIp: data.SAPAIBUDGET_REPLICA_IP,
    logLevel: data.SAPAIBUDGET_LOG_LEVEL,
  };
}

/** Without names given: those of a Service called as the product. */
function namesOf(given: string[], namespace: string): string[] {
  if (given.length > 0) return given;
  const service = `sap-ai-budget-operator.${namespace}.svc`;
  return [service, `${service}.cluster.local`];
}

function explain(error: z.ZodError): string {
  const lines = error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  return `these settings cannot be used: ${lines.join('; ')}`;
}
