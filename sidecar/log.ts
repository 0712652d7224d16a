import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import type { SidecarConfig } from './config.ts';

/** JSON lines on standard output, or to `destination`, in the form of the operator's: level names and ISO times. */
export function createLog(level: SidecarConfig['logLevel'], destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { program: 'sidecar' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
