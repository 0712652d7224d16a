import { literalOf, sets, withValue } from './environment.ts';
import type { Container, EnvVar, VolumeMount } from './pod.ts';

/** A folder that holds no binding; it need not exist. */
const emptyRoot = '/var/run/sap-ai-budget/no-bindings';
/** Where SAP's Java libraries look without any setting: one folder a service. */
const usualRoot = '/etc/secrets/sapcp';
const service = 'aicore';

/** A container, and in words what was hidden from it. */
export interface Unbound {
  container: Container;
  warnings: string[];
}

/**
 * Takes AI Core's service bindings out of the way of SAP's Java SDK, which prefers them to the variables that lead to the sidecar:
 * the service's entry in `VCAP_SERVICES` and its folder among the usual ones, and where these cannot be told apart, all bindings.
 */
export function hideBindings(container: Container): Unbound {
  const warnings: string[] = [];
  const hidden = (what: string): void => {
    warnings.push(`container ${container.name}: ${what} hidden, so that SAP's Java SDK uses the sidecar`);
  };
  const mounts = hideMounts(container.volumeMounts, hidden);
  const env = container.env && hideVariables(container.env, hidden);
  return {
    container: { ...container, ...(env && { env }), ...(mounts && { volumeMounts: mounts }) },
    warnings,
  };
}

function hideVariables(env: readonly EnvVar[], hidden: (what: string) => void): EnvVar[] {
  let changed = [...env];
  if (sets(env, 'VCAP_SERVICES')) {
    const list = withoutService(literalOf(env, 'VCAP_SERVICES'));
    if (list.changed) {
      changed = withValue(changed, 'VCAP_SERVICES', list.value);
      hidden(list.whole ? 'VCAP_SERVICES' : `"${service}" of VCAP_SERVICES`);
    }
  }
  const root = 'SERVICE_BINDING_ROOT';
  if (sets(env, root) && literalOf(env, root) !== emptyRoot) {
    changed = withValue(changed, root, emptyRoot);
    hidden(root);
  }
  return changed;
}

/** The list without AI Core's bindings, or an empty one where it cannot be read here. */
function withoutService(
  value: string | undefined,
): { changed: false } | { changed: true; whole: boolean; value: string } {
  if (value === undefined) return { changed: true, whole: true, value: '{}' };
  const services = parse(value);
  if (services === undefined || !(service in services)) return { changed: false };
  const { [service]: _removed, ...rest } = services;
  return { changed: true, whole: false, value: JSON.stringify(rest) };
}

/** Undefined for what nobody else can read either. */
function parse(value: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}

function hideMounts(
  mounts: readonly VolumeMount[] | undefined,
  hidden: (what: string) => void,
): VolumeMount[] | undefined {
  return mounts?.filter(({ mountPath }) => {
    const path = mountPath.replace(/\/+$/, '');
    const own = path === usualRoot || `${path}/`.startsWith(`${usualRoot}/${service}/`);
    if (own) hidden(`the mount at ${mountPath}`);
    return !own;
  });
}
