import type { KeyPair } from '../certificates/issue.ts';
import type { Clock } from '../kube/clock.ts';
import type { AdmissionOutcome, AdmissionWorld } from './admit.ts';

/** How a call of the webhook ended: as an admission, or before there was one. */
export type WebhookOutcome = AdmissionOutcome | 'malformed' | 'too_large' | 'failed';

/** What the webhook says of itself; must not throw. */
export interface WebhookMetrics {
  admissionAnswered(call: { outcome: WebhookOutcome; durationMs: number }): void;
}

/** The part of a pino logger that is used here. */
export interface WebhookLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What `startWebhook` of `server.ts` is given. */
export interface WebhookOptions {
  /** Port 0: any that is free; `WebhookService.port` says which. */
  listen: { host: string; port: number };
  /** What is served at first; `WebhookService.useCertificates` replaces it. */
  certificates: KeyPair;
  world: AdmissionWorld;
  clock: Clock;
  log: WebhookLog;
  metrics: WebhookMetrics;
  /** Ends the service: it stops accepting, answers what is under way, and `closed` resolves. */
  signal: AbortSignal;
}

/** A listening webhook. */
export interface WebhookService {
  port: number;
  /** Resolves when, after the signal, the last connection is gone. */
  closed: Promise<void>;
  /** New connections get these from now on. */
  useCertificates(pair: KeyPair): void;
}
