/** Why the runner cannot do something. `image_unknown`, `reference_missing`, `unsupported` and `spawn_failed` belong to a pod and are shown in its status. */
export type RunnerFailure =
  | 'arguments_invalid'
  | 'images_invalid'
  | 'image_unknown'
  | 'reference_missing'
  | 'unsupported'
  | 'spawn_failed';

/** Thrown by everything in this folder; the message says what failed and what to do about it. */
export class RunnerError extends Error {
  override readonly name = 'RunnerError';
  readonly reason: RunnerFailure;

  constructor(reason: RunnerFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Text for a status or a log line, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
