import { z } from 'zod';

/** Text that a header can carry: visible ASCII, blanks only within. */
export const headerText = /^[!-~]([ -~]*[!-~])?$/;

/** Longest text of a header of unified metering. */
export const maxHeaderText = 128;

/** SAP's bound for the length of a block of tokens; for minutes nobody states one. */
export const maxMetricParam = 100_000;

const text = z.string().max(maxHeaderText).regex(headerText);
const tenant = z.union([z.literal(''), text]);

const businessMetric = z.strictObject({
  /** COUNT: calls with one business context within so many minutes count once. PAGES: blocks of so many tokens. */
  pattern: z.enum(['COUNT', 'PAGES']),
  param: z.int().min(1).max(maxMetricParam),
});

/** What SAP's unified metering is told of calls that do not say it themselves. */
export const unifiedMetering = z.strictObject({
  useCaseId: text,
  productType: text,
  businessMetric,
  /** Tenant of the application's user; empty where there is none. */
  localTenantId: tenant.optional(),
});
export type UnifiedMetering = z.infer<typeof unifiedMetering>;

/** Annotation of a pod with JSON that takes the place of members of its budgets' `unifiedMetering`. */
export const meteringAnnotation = 'sapai.eerly.ai/unified-metering';

const maxAnnotationLength = 4096;

/** An annotation that cannot be used, and what to do about it. */
export interface MeteringProblem {
  readonly problem: string;
}

/**
 * A budget's metering with the members that a pod's annotation sets. The business metric is replaced as a whole:
 * minutes and tokens do not go together.
 *
 * @param annotation JSON text as in the annotation
 */
export function overrideMetering(
  budget: UnifiedMetering | undefined,
  annotation: string,
): UnifiedMetering | MeteringProblem {
  const own = parseAnnotation(annotation);
  if (own === undefined)
    return {
      problem: `annotation ${meteringAnnotation} must be a JSON object of at most ${maxAnnotationLength} characters`,
    };
  const merged = unifiedMetering.safeParse({ ...budget, ...own });
  if (merged.success) return merged.data;
  const issue = merged.error.issues[0];
  const at = issue?.path.join('.') ?? '';
  return {
    problem: `annotation ${meteringAnnotation}, with what the budget says: ${at === '' ? '' : `${at}: `}${issue?.message ?? 'not valid'}`,
  };
}

function parseAnnotation(annotation: string): object | undefined {
  if (annotation.length > maxAnnotationLength) return undefined;
  try {
    const value: unknown = JSON.parse(annotation);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
