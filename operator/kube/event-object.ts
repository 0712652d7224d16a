import { randomBytes } from 'node:crypto';
import { trimMessage } from './conditions.ts';
import type { KubeDraft, KubeObject } from './resource.ts';

/** Something worth telling the owner of an object. `reason` is the word that its condition uses; never a per-request event. */
export interface EventNote {
  /** The object that it is about; its uid ties the two together. */
  regarding: KubeObject;
  type: 'Normal' | 'Warning';
  reason: string;
  /** What we did or tried, one CamelCase word. */
  action: string;
  note: string;
}

/** A happening and its repetitions, and what of that is in the API server. */
export interface Remembered {
  note: EventNote;
  namespace: string;
  name: string;
  count: number;
  firstMs: number;
  lastMs: number;
  created: boolean;
  writtenCount: number;
  writtenMs: number;
}

/** The API server's bound on an event's name is 253; a random suffix has to fit too. */
const maxNamePrefix = 230;

/** The first of its kind. */
export function beginEvent(note: EventNote, nowMs: number): Remembered {
  const { name, namespace } = note.regarding.metadata;
  return {
    note,
    // Events about objects of the whole cluster live in "default", as everybody's do.
    namespace: namespace ?? 'default',
    name: `${name.slice(0, maxNamePrefix)}.${randomBytes(8).toString('hex')}`,
    count: 1,
    firstMs: nowMs,
    lastMs: nowMs,
    created: false,
    writtenCount: 0,
    writtenMs: 0,
  };
}

/** Equal for happenings that are one event. */
export function eventKey({ regarding, type, reason, action }: EventNote): string {
  const { kind, metadata } = regarding;
  return JSON.stringify([kind, metadata.namespace, metadata.name, metadata.uid, type, reason, action]);
}

/** The object of events.k8s.io/v1. */
export function eventObject(
  { note, namespace, name, count, firstMs, lastMs }: Remembered,
  { controller, instance }: { controller: string; instance: string },
): KubeDraft {
  const { regarding, type, reason, action } = note;
  const { apiVersion, kind, metadata: about } = regarding;
  const { uid, resourceVersion } = about;
  return {
    metadata: { namespace, name },
    eventTime: microTime(firstMs),
    type,
    reason,
    action,
    note: trimMessage(note.note),
    regarding: { apiVersion, kind, namespace: about.namespace, name: about.name, uid, resourceVersion },
    reportingController: controller,
    reportingInstance: instance.slice(0, 128),
    ...(count > 1 ? { series: { count, lastObservedTime: microTime(lastMs) } } : {}),
  };
}

/** The API's MicroTime has exactly six decimals. */
export function microTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000Z`;
}
