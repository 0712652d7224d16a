/** Why a control plane could not be had. */
export type ControlPlaneFailure =
  | 'go_missing'
  | 'go_too_old'
  | 'build_failed'
  | 'lock_timeout'
  | 'no_free_port'
  | 'process_exited'
  | 'not_ready'
  | 'request_failed';

/** Thrown by everything in this folder; the message says what failed and what to do about it. */
export class ControlPlaneError extends Error {
  readonly reason: ControlPlaneFailure;

  constructor(reason: ControlPlaneFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ControlPlaneError';
    this.reason = reason;
  }
}
