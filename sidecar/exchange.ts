import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PlainAnswer } from './error-answer.ts';

/** One request of the application and its answer, on the way through the pipeline. */
export interface Exchange {
  /** The same in headers, log and journal. */
  readonly id: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Monotonic ms. */
  readonly arrivedMs: number;
  /** Aborted when the client has left before its answer was complete. */
  readonly gone: AbortSignal;
  /** Which budget it is for, as soon as that is known; for metrics. */
  budget?: { readonly namespace: string; readonly budget: string };
}

/** Sends an answer that is wholly known. Does nothing when the head of another one has left already. */
export function sendPlain({ response }: Exchange, { status, headers, body }: PlainAnswer): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const content = Buffer.from(body);
  response.writeHead(status, { ...headers, 'content-length': String(content.length) }).end(content);
}

/** A header that is sent once, or the first of several. */
export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
