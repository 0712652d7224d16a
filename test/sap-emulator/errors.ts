/** Why the emulator cannot do what it was asked. */
export type EmulatorErrorReason = 'number_invalid' | 'config_invalid' | 'body_too_large' | 'client_gone';

/** A failure of the emulator itself; what it answers on SAP's behalf is never one of these. */
export class EmulatorError extends Error {
  readonly reason: EmulatorErrorReason;

  constructor(reason: EmulatorErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EmulatorError';
    this.reason = reason;
  }
}
