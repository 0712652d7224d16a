import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import type { OperatorConfig } from './config.ts';

/** Names under which a secret might come into a log by accident; errors and objects of ours hold none. */
const secretNames = [
  'authorization',
  'accessToken',
  'access_token',
  'clientSecret',
  'clientsecret',
  'client_secret',
  'privateKey',
  'token',
  'password',
];

/** JSON lines on standard output, or to `destination`. */
export function createLog(level: OperatorConfig['logLevel'], destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { program: 'operator' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      censor: '[redacted]',
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
