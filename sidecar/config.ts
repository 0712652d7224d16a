import { z } from 'zod';

const address = z
  .string()
  .regex(/^(?:\[[0-9a-fA-F:]+\]|[^:\s[\]]+):\d{1,5}$/, 'must be host:port, such as 127.0.0.1:15480')
  .transform((text) => {
    const colon = text.lastIndexOf(':');
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
  })
  .refine(({ port }) => port <= 65_535, 'must have a port of at most 65535');

const seconds = (fallback: number, max: number) => {
  const message = `must be 0 to ${max} seconds`;
  return z.coerce.number(message).min(0, message).max(max, message).default(fallback);
};

const bytes = (fallback: number, max: number) => {
  const message = `must be 1024 to ${max} bytes`;
  return z.coerce.number(message).int(message).min(1024, message).max(max, message).default(fallback);
};

const path = z.string().min(1, 'must not be empty');

const keyLength = 'must be set to the key of the application, 32 to 256 characters';

/** Settings of a sidecar: environment variables, each documented in docs/protocol.md. */
const environment = z.object({
  SAPAIBUDGET_LISTEN: address.prefault('127.0.0.1:15480'),
  SAPAIBUDGET_ADMIN_LISTEN: address.prefault('0.0.0.0:15481'),
  SAPAIBUDGET_OPERATOR_URL: z.url({
    protocol: /^https$/,
    error: 'must be set to the https URL of the operator',
  }),
  SAPAIBUDGET_CA_FILE: path.default('/etc/sap-ai-budget/ca/ca.crt'),
  SAPAIBUDGET_TOKEN_FILE: path.default('/var/run/secrets/sapai.eerly.ai/token'),
  SAPAIBUDGET_JOURNAL_DIR: path.default('/var/lib/sap-ai-budget'),
  SAPAIBUDGET_APP_KEY: z.string(keyLength).min(32, keyLength).max(256, keyLength),
  SAPAIBUDGET_WAIT_SECONDS: seconds(10, 300),
  SAPAIBUDGET_REPORT_SECONDS: seconds(5, 30),
  SAPAIBUDGET_IDLE_RETURN_SECONDS: seconds(60, 3600),
  SAPAIBUDGET_DRAIN_SECONDS: seconds(25, 3600),
  SAPAIBUDGET_READ_ON_SECONDS: seconds(120, 3600),
  SAPAIBUDGET_UPSTREAM_SECONDS: seconds(300, 3600),
  SAPAIBUDGET_MAX_BODY_BYTES: bytes(16 * 1024 * 1024, 256 * 1024 * 1024),
  SAPAIBUDGET_MAX_ANSWER_BYTES: bytes(64 * 1024 * 1024, 1024 * 1024 * 1024),
  SAPAIBUDGET_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error')
    .default('info'),
});

/** Settings as the program uses them; times in milliseconds. */
export interface SidecarConfig {
  readonly listen: { readonly host: string; readonly port: number };
  readonly adminListen: { readonly host: string; readonly port: number };
  readonly operatorUrl: string;
  readonly caFile: string;
  readonly tokenFile: string;
  readonly journalDir: string;
  /** Secret. */
  readonly appKey: string;
  /** How long a request waits for a reservation before it is refused. */
  readonly waitMs: number;
  readonly reportMs: number;
  readonly idleReturnMs: number;
  readonly drainMs: number;
  /** How long an answer nobody waits for is read on. */
  readonly readOnMs: number;
  /** How long SAP may be silent. */
  readonly upstreamMs: number;
  readonly maxBodyBytes: number;
  readonly maxAnswerBytes: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** Settings that cannot be used; the message names each of them, and no value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly reason = 'config_invalid';
}

/**
 * Reads the settings.
 *
 * @throws ConfigError naming each bad variable
 */
export function readConfig(env: Record<string, string | undefined>): SidecarConfig {
  const parsed = environment.safeParse(env);
  if (!parsed.success) throw new ConfigError(explain(parsed.error));
  const values = parsed.data;
  return {
    listen: values.SAPAIBUDGET_LISTEN,
    adminListen: values.SAPAIBUDGET_ADMIN_LISTEN,
    operatorUrl: values.SAPAIBUDGET_OPERATOR_URL.replace(/\/+$/, ''),
    caFile: values.SAPAIBUDGET_CA_FILE,
    tokenFile: values.SAPAIBUDGET_TOKEN_FILE,
    journalDir: values.SAPAIBUDGET_JOURNAL_DIR,
    appKey: values.SAPAIBUDGET_APP_KEY,
    waitMs: values.SAPAIBUDGET_WAIT_SECONDS * 1000,
    reportMs: values.SAPAIBUDGET_REPORT_SECONDS * 1000,
    idleReturnMs: values.SAPAIBUDGET_IDLE_RETURN_SECONDS * 1000,
    drainMs: values.SAPAIBUDGET_DRAIN_SECONDS * 1000,
    readOnMs: values.SAPAIBUDGET_READ_ON_SECONDS * 1000,
    upstreamMs: values.SAPAIBUDGET_UPSTREAM_SECONDS * 1000,
    maxBodyBytes: values.SAPAIBUDGET_MAX_BODY_BYTES,
    maxAnswerBytes: values.SAPAIBUDGET_MAX_ANSWER_BYTES,
    logLevel: values.SAPAIBUDGET_LOG_LEVEL,
  };
}

/** One sentence a variable: of several faults of one value the first. */
function explain(error: z.ZodError): string {
  const sentences = new Map<string, string>();
  for (const { path: names, message } of error.issues) {
    const name = names.join('.');
    if (!sentences.has(name)) sentences.set(name, `${name}: ${message}`);
  }
  return `these settings cannot be used: ${[...sentences.values()].join('; ')}`;
}
