import { z } from 'zod';

const envVar = z.looseObject({ name: z.string(), value: z.string().optional() });
const volumeMount = z.looseObject({ name: z.string(), mountPath: z.string() });
const containerPort = z.looseObject({ containerPort: z.int() });
const container = z.looseObject({
  name: z.string(),
  image: z.string().optional(),
  ports: z.array(containerPort).optional(),
  env: z.array(envVar).optional(),
  envFrom: z.array(z.unknown()).optional(),
  volumeMounts: z.array(volumeMount).optional(),
});
const volume = z.looseObject({ name: z.string() });

/**
 * A pod as the API server shows it to admission, as far as injection looks at it. Members it does not look at are kept. The API server
 * has checked it against its own schema before.
 */
export const podSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string().optional(),
    generateName: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.looseObject({
    // A pod without any is refused by the API server, but later, and as null.
    containers: z
      .array(container)
      .nullish()
      .transform((list) => list ?? []),
    initContainers: z.array(container).optional(),
    ephemeralContainers: z.array(container).optional(),
    volumes: z.array(volume).optional(),
    hostNetwork: z.boolean().optional(),
    hostPID: z.boolean().optional(),
    shareProcessNamespace: z.boolean().optional(),
    os: z.looseObject({ name: z.string() }).optional(),
    terminationGracePeriodSeconds: z.int().optional(),
    nodeSelector: z.record(z.string(), z.string()).optional(),
  }),
});

export type Pod = z.infer<typeof podSchema>;
export type Container = z.infer<typeof container>;
export type EnvVar = z.infer<typeof envVar>;
export type VolumeMount = z.infer<typeof volumeMount>;
export type Volume = z.infer<typeof volume>;
