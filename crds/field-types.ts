import { z } from 'zod';
import { listMap, validated } from './custom-resource.ts';

/**
 * The pattern of a field that people write, once more as a rule: a regular expression is no message for a person.
 * Only for patterns without quotes and backslashes, which CEL would read differently.
 */
function saidInWords(pattern: RegExp, message: string): ReturnType<typeof validated> {
  return validated({ rule: `self.matches('${pattern.source}')`, message });
}

const objectNamePattern = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

/** Name of an object in the same namespace (RFC 1123 subdomain). */
export const objectName = z.string().min(1).max(253).regex(objectNamePattern);

/** The same where a person writes it. */
export const writtenObjectName = objectName.meta(
  saidInWords(
    objectNamePattern,
    'must be the name of an object: lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit',
  ),
);

/** Name of a namespace (RFC 1123 label). */
export const namespaceName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);

/** A moment in UTC, as `2026-11-01T00:00:00Z`; the API server refuses days that do not exist. */
export const moment = z
  .string()
  .max(30)
  .regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?Z$/)
  .meta({ format: 'date-time' });

/** A day (UTC) as `2026-11-01`; the API server refuses days that do not exist. */
export const day = z
  .string()
  .max(10)
  .regex(/^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$/)
  .meta({ format: 'date' });

/** Name of a period as it is part of a ledger's name: `2026-11`, or `2026-11-15` where the day matters. */
export const periodName = z
  .string()
  .max(10)
  .regex(/^[0-9]{4}-(0[1-9]|1[0-2])(-[0-9]{2})?$/);

const timeZonePattern = /^[A-Za-z][A-Za-z0-9_+-]*([/][A-Za-z0-9_+-]+){0,3}$/;

/** IANA time zone by form; whether it exists only the operator can say. */
export const timeZone = z.string().min(1).max(64).regex(timeZonePattern);

/** The same where a person writes it. */
export const writtenTimeZone = timeZone.meta(
  saidInWords(timeZonePattern, 'must be the IANA name of a time zone, such as Etc/UTC or Europe/Berlin'),
);

/** Whether a cap is enforced, or only compared with. */
export const enforcement = z.enum(['Enforce', 'Shadow']).default('Enforce');

/** Day of the month on which a period starts. */
export const startDay = z.int32().min(1).max(28);

const modelPatternForm = /^[A-Za-z0-9*][A-Za-z0-9*._:/-]*$/;

/** A pattern for names of models: `*` stands for any run of characters. */
export const modelPattern = z
  .string()
  .min(1)
  .max(128)
  .regex(modelPatternForm)
  .meta(
    saidInWords(
      modelPatternForm,
      'must be a name, with "*" for any characters, such as gpt-4o or gpt-5*: no other sign stands for more than itself',
    ),
  );

/** Generation of the object that status speaks about. */
export const observedGeneration = z
  .int()
  .min(0)
  .max(Number.MAX_SAFE_INTEGER)
  .describe('Generation of the object this status speaks about.');

/** One observation (`metav1.Condition`). */
const condition = z.object({
  type: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[A-Z][A-Za-z]*$/)
    .describe('What is observed.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
  observedGeneration,
  lastTransitionTime: moment.describe('When status, reason or message changed last.'),
  reason: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[A-Z][A-Za-z0-9]*$/)
    .describe('Why, in one word for machines.'),
  message: z.string().max(4096).describe('Why, and what to do, for people.'),
});

/** The list of conditions, one of each type. */
export const conditions = z
  .array(condition)
  .max(16)
  .meta(listMap('type'))
  .describe('What the operator observed; `Ready` sums up the others.');
