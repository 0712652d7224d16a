import type { Logger } from 'pino';
import type { Bodies } from './bodies.ts';
import type { Booking } from './booking.ts';
import type { Clock } from './clock.ts';
import type { SidecarConfig } from './config.ts';
import type { Configuration } from './configuration.ts';
import type { Denials } from './denials.ts';
import type { AppKeys } from './keys.ts';
import type { Leases } from './leases.ts';
import type { SidecarMetrics } from './metrics.ts';
import type { ReadOns } from './read-on.ts';
import type { Receipts } from './receipts.ts';
import type { SapTokens } from './sap-token.ts';
import type { Upstream } from './upstream.ts';

/** What the steps of the pipeline work with. */
export interface Services {
  readonly config: SidecarConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly keys: AppKeys;
  readonly configuration: Configuration;
  readonly leases: Leases;
  readonly tokens: SapTokens;
  readonly upstream: Upstream;
  readonly bodies: Bodies;
  readonly booking: Booking;
  readonly denials: Denials;
  readonly readOns: ReadOns;
  readonly receipts: Receipts;
  readonly metrics: SidecarMetrics;
  readonly life: Life;
  /** Where the application reaches this sidecar: `http://127.0.0.1:15480`. */
  readonly origin: () => string;
}

/** What becomes of the process. */
export interface Life {
  /** Whether new requests are refused: shutting down, or replaced by a newer process. */
  readonly refusing: boolean;
}
