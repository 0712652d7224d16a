import { z } from 'zod';
import type { PatchOperation } from './json-patch.ts';
import { podSchema } from './pod.ts';

const apiVersion = 'admission.k8s.io/v1';

/** What the API server asks about a pod that is to be created. */
export const admissionReview = z.object({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('AdmissionReview'),
  request: z.object({
    uid: z.string().min(1).max(128),
    namespace: z.string().min(1).max(253),
    operation: z.enum(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']),
    resource: z.object({ group: z.string(), resource: z.string() }),
    dryRun: z.boolean().optional(),
    object: podSchema,
  }),
});

export type AdmissionRequest = z.infer<typeof admissionReview>['request'];

/** What it is told. A refusal's message is what the pod's author sees. */
export type AdmissionAnswer =
  | { allowed: true; patch: PatchOperation[]; warnings: string[] }
  | { allowed: false; code: 403 | 503; message: string };

/** Longest message of a refusal; events have room for 1,024 bytes, of which the API server writes some itself. */
const maxMessage = 800;
/** The API server shortens them itself beyond 256 bytes each and 4,096 in all. */
const maxWarnings = 16;
const maxWarning = 250;

/** The AdmissionReview that answers the request of that uid. */
export function answerReview(uid: string, answer: AdmissionAnswer): Record<string, unknown> {
  return { apiVersion, kind: 'AdmissionReview', response: { uid, ...response(answer) } };
}

function response(answer: AdmissionAnswer): Record<string, unknown> {
  if (!answer.allowed) {
    const { code, message } = answer;
    return { allowed: false, status: { code, message: message.slice(0, maxMessage) } };
  }
  const { patch } = answer;
  const warnings = answer.warnings.slice(0, maxWarnings).map((text) => text.slice(0, maxWarning));
  return {
    allowed: true,
    ...(warnings.length > 0 ? { warnings } : {}),
    ...(patch.length > 0
      ? { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }
      : {}),
  };
}
