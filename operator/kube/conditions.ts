/** One observation in `status.conditions`, as the API conventions define it. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  /** One CamelCase word; events and metrics use the same. */
  reason: string;
  message: string;
  /** RFC 3339, whole seconds. */
  lastTransitionTime: string;
  observedGeneration: number;
}

/** What was observed, without when. */
export type Observation = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** When, and at which generation of the object, something was observed. */
export interface Observed {
  now: Date;
  generation: number;
}

/** Longer messages are cut: a status is a summary, and etcd keeps every revision of it. */
const maxMessageLength = 1024;
/** What the API server itself demands of a reason. */
const reasonPattern = /^[A-Za-z]([A-Za-z0-9_,:]{0,254}[A-Za-z0-9_])?$/;

/**
 * The list with that observation in place of the former one of its type, Ready first, the others by name. The transition time moves
 * only when status, reason or message differ; the generation always moves. Throws a TypeError for a reason that is no single word.
 */
export function setCondition(
  conditions: readonly Condition[],
  observation: Observation,
  { now, generation }: Observed,
): Condition[] {
  const { type, status, reason } = observation;
  if (!reasonPattern.test(reason)) {
    throw new TypeError(
      `condition ${type}: ${JSON.stringify(reason)} is no reason: it must be one CamelCase word`,
    );
  }
  const message = trimMessage(observation.message);
  const former = conditions.find((condition) => condition.type === type);
  const same = former?.status === status && former.reason === reason && former.message === message;
  const lastTransitionTime = same ? former.lastTransitionTime : wholeSeconds(now);
  const next = { type, status, reason, message, lastTransitionTime, observedGeneration: generation };
  return [...conditions.filter((condition) => condition.type !== type), next].sort(byReadyThenType);
}

/** Adds `Unknown` for each type that has not been observed yet, so that a reader sees from the start what will be known. */
export function withInitialConditions(
  conditions: readonly Condition[],
  types: readonly string[],
  observed: Observed,
): Condition[] {
  const missing = types.filter((type) => !conditions.some((condition) => condition.type === type));
  return missing.reduce<Condition[]>(
    (list, type) =>
      setCondition(
        list,
        { type, status: 'Unknown', reason: 'NotObserved', message: 'Not observed yet.' },
        observed,
      ),
    [...conditions],
  );
}

/**
 * Ready as it follows from the conditions it depends on, all of which are good when True. The first that is False explains why not;
 * while none is False but one is Unknown or missing, Ready is Unknown. `dependsOn` is in the order of importance.
 */
export function deriveReady(
  conditions: readonly Condition[],
  { dependsOn, readyMessage }: { dependsOn: readonly string[]; readyMessage: string },
): Observation {
  const dependents = dependsOn.map(
    (type) => conditions.find((condition) => condition.type === type) ?? unobserved(type),
  );
  const worst =
    dependents.find((condition) => condition.status === 'False') ??
    dependents.find((condition) => condition.status === 'Unknown');
  if (worst === undefined) return { type: 'Ready', status: 'True', reason: 'Ready', message: readyMessage };
  return {
    type: 'Ready',
    status: worst.status,
    reason: worst.reason,
    message: `${worst.type}: ${worst.message}`,
  };
}

/** One line, without control characters, cut at 1,024 characters. */
export function trimMessage(message: string): string {
  const line = message.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length <= maxMessageLength ? line : `${line.slice(0, maxMessageLength - 1)}…`;
}

function unobserved(type: string): Observation {
  return { type, status: 'Unknown', reason: 'NotObserved', message: 'Not observed yet.' };
}

function wholeSeconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

function byReadyThenType(a: Condition, b: Condition): number {
  if (a.type === 'Ready') return -1;
  if (b.type === 'Ready') return 1;
  return a.type < b.type ? -1 : 1;
}
