import type { Dispatcher } from 'undici';

/** Whether a request has begun to leave. Given to undici as the `opaque` of the request. */
export class RequestStart {
  noted = false;
}

/** Notes the start of requests: undici tells a handler just before it writes the first byte. */
export const noteStarts: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
  'opaque' in options && options.opaque instanceof RequestStart
    ? dispatch(options, new NotingHandler(handler, options.opaque))
    : dispatch(options, handler);

/** Hands everything on. Written out, because it is in the way of every chunk. */
class NotingHandler implements Dispatcher.DispatchHandler {
  readonly #next: Dispatcher.DispatchHandler;
  readonly #start: RequestStart;

  constructor(next: Dispatcher.DispatchHandler, start: RequestStart) {
    this.#next = next;
    this.#start = start;
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#start.noted = true;
    this.#next.onRequestStart?.(controller, context);
  }

  onResponseStart(...answer: Parameters<Required<Dispatcher.DispatchHandler>['onResponseStart']>): void {
    this.#next.onResponseStart?.(...answer);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#next.onResponseData?.(controller, chunk);
  }

  onResponseEnd(...end: Parameters<Required<Dispatcher.DispatchHandler>['onResponseEnd']>): void {
    this.#next.onResponseEnd?.(...end);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.#next.onResponseError?.(controller, error);
  }
}
