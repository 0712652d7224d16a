import { z } from 'zod';
import { standardDeployments, standardModels, standardTenants } from './catalogue.ts';
import { EmulatorError } from './errors.ts';
import { faultRule } from './fault-names.ts';

const identifier = z.string().min(1).max(253);
const decimal = z.string().regex(/^\d{1,12}(\.\d{1,18})?$/);

/** One step of a price list; tiers are chosen by a request's whole input, cached tokens included. */
const rateTier = z.strictObject({
  upToInputTokens: z.int().min(1).optional(),
  /** GenAI tokens per 1,000 model tokens, shown by the models API. */
  input: decimal,
  output: decimal,
  /** Billed for cached input, but not shown by the models API (as with SAP). Absent: the input rate. */
  cacheRead: decimal.optional(),
});

const modelVersion = z.strictObject({
  name: identifier,
  isLatest: z.boolean(),
  deprecated: z.boolean().default(false),
  contextLength: z.int().min(1),
  /** Most tokens one answer can have, as the provider limits it. The models API does not show it. */
  maxOutputTokens: z.int().min(1),
  /** Shown as `cost` unless `costShown` is false; billed always. */
  rates: z.array(rateTier).min(1).max(8),
  costShown: z.boolean().default(true),
});

const model = z.strictObject({
  model: identifier,
  executableId: identifier,
  provider: z.string().max(64),
  kind: z.enum(['chat', 'reasoning', 'embedding']),
  versions: z.array(modelVersion).min(1).max(16),
});

const deployment = z.strictObject({
  id: z.string().regex(/^[\w.-]{4,64}$/),
  resourceGroup: identifier.default('default'),
  scenarioId: identifier,
  executableId: identifier,
  configurationName: identifier,
  status: z.enum(['RUNNING', 'STOPPED', 'PENDING', 'DEAD']).default('RUNNING'),
  model: z.strictObject({ name: identifier, version: identifier }).optional(),
  /** Under which spellings the model appears in `details.resources`. */
  detailsUnder: z.enum(['both', 'backendDetails', 'backend_details']).default('both'),
});

const tenant = z.strictObject({
  clientId: identifier,
  clientSecret: identifier,
  identityZone: identifier,
  identityZoneId: identifier,
  serviceInstanceId: identifier,
  resourceGroups: z.array(identifier).min(1).max(50).default(['default', 'team-a']),
  deployments: z.array(deployment).max(1000).default(standardDeployments),
  /** Plans of the offering `aicore` that Service Manager shows in the subaccount; empty: not even the offering. */
  aiCorePlans: z.array(identifier).max(8).default(['standard', 'extended']),
});

const byteSize = z
  .int()
  .min(1024)
  .max(256 * 1024 * 1024);

/** What may be set in the configuration file or by the caller of `startEmulator`. */
const emulatorConfig = z.strictObject({
  tenants: z.array(tenant).min(1).max(64).default(standardTenants),
  models: z.array(model).min(1).max(200).default(standardModels),
  /** CU per GenAI token by effective date (00:00 UTC), ascending. */
  factors: z
    .array(z.strictObject({ from: z.iso.date(), factor: decimal }))
    .min(1)
    .max(64)
    .default([
      { from: '2024-12-19', factor: '2.24038' },
      { from: '2025-10-22', factor: '1.90385' },
    ]),
  tokenLifetimeSeconds: z.int().min(1).max(86_400).default(7199),
  /** Bill the largest answer allowed where the usage did not reach the client. */
  billMaximum: z.boolean().default(false),
  usageData: z
    .strictObject({
      clientSecret: identifier.default('emulator-usage-secret$='),
      /** Refuse `subaccountUsage` (403), as for clients that SAP wants a user's grant of. */
      dailyForbidden: z.boolean().default(false),
      /** Usage of other subaccounts and services among the rows. */
      otherRows: z.boolean().default(true),
    })
    .prefault({}),
  /** Items in one page of Service Manager. */
  serviceManagerPage: z.int().min(1).max(100).default(50),
  quirks: z
    .strictObject({
      /** Usage on the chunk that carries `finish_reason` instead of on one of its own. */
      usageOnFinish: z.boolean().default(false),
      /** Writes break inside lines and inside UTF-8 characters. */
      splitBytes: z.boolean().default(false),
      /** Lines of a stream end in CR LF. */
      crlf: z.boolean().default(false),
      /** Answers are compressed for clients that accept gzip. */
      gzip: z.boolean().default(false),
      /** Errors of orchestration without an envelope, as some of its versions send them. */
      flatErrors: z.boolean().default(false),
    })
    .prefault({}),
  /** Rules in force from the start and again after a reset. */
  faults: z.array(faultRule).max(64).default([]),
  /** Makes the rules that act with a probability repeatable. */
  seed: z.int().min(0).max(0xffff_ffff).default(1),
  maxBodyBytes: byteSize.default(16 * 1024 * 1024),
  /** Entries kept in the books; the totals count every one. */
  maxEntries: z.int().min(1).max(1_000_000).default(100_000),
  /** Requests kept for `GET /__emulator/requests`. */
  maxCaptured: z.int().min(0).max(10_000).default(200),
  /** Origin under which clients reach the emulator, where it is not the listening address. */
  publicUrl: z.url().max(2048).optional(),
});

export type EmulatorConfig = z.infer<typeof emulatorConfig>;
/** The configuration as a caller writes it: everything is optional. */
export type EmulatorConfigInput = z.input<typeof emulatorConfig>;
export type Tenant = z.infer<typeof tenant>;
export type Model = z.infer<typeof model>;
export type ModelVersion = z.infer<typeof modelVersion>;
export type Deployment = z.infer<typeof deployment>;
export type RateTier = z.infer<typeof rateTier>;

/** Checks a configuration and fills in the defaults; throws `config_invalid` saying which member is wrong. */
export function parseConfig(input: unknown): EmulatorConfig {
  const result = emulatorConfig.safeParse(input);
  if (!result.success) {
    throw new EmulatorError(
      'config_invalid',
      `correct the emulator's configuration:\n${z.prettifyError(result.error)}`,
      { cause: result.error },
    );
  }
  return result.data;
}
