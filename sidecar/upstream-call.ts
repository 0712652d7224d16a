import type { Dispatcher } from 'undici';
import type { AnswerBody, BodyReader } from './answer-body.ts';

/** Status and headers of an answer. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** One call, as undici tells of it: first its head, then its body. */
export class UpstreamCall implements Dispatcher.DispatchHandler, AnswerBody {
  /** Rejects when the call fails before its answer has begun. */
  readonly head: Promise<AnswerHead>;
  readonly #settleHead: PromiseWithResolvers<AnswerHead>;
  /** What came before anybody read: no more than one read of the socket brings. */
  readonly #early: ((reader: BodyReader) => void)[] = [];
  #reader: BodyReader | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #abortedFor: Error | undefined;
  #started = false;

  constructor() {
    this.#settleHead = Promise.withResolvers<AnswerHead>();
    this.head = this.#settleHead.promise;
  }

  /** Whether the request has begun to leave: undici tells just before it writes the first byte. */
  get started(): boolean {
    return this.#started;
  }

  /** Ends the call wherever it is; one that has not begun to leave never will. */
  abort(reason: Error): void {
    this.#abortedFor ??= reason;
    this.#controller?.abort(reason);
  }

  read(reader: BodyReader): void {
    this.#reader = reader;
    for (const tell of this.#early.splice(0)) tell(reader);
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abandon(): void {
    this.#reader = deaf;
    this.abort(new Error('the answer is not read any further'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#abortedFor === undefined) this.#started = true;
    else controller.abort(this.#abortedFor);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: AnswerHead['headers'],
  ): void {
    // 1xx tells of nothing but that the answer is still to come.
    if (status >= 200) this.#settleHead.resolve({ status, headers });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#reader === undefined) this.#early.push((reader) => reader.data(chunk));
    else this.#reader.data(chunk);
  }

  onResponseEnd(): void {
    if (this.#reader === undefined) this.#early.push((reader) => reader.end());
    else this.#reader.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    // Nobody hears of this where the head has come.
    this.#settleHead.reject(cause);
    if (this.#reader === undefined) this.#early.push((reader) => reader.fail(cause));
    else this.#reader.fail(cause);
  }
}

const deaf: BodyReader = { data: () => {}, end: () => {}, fail: () => {} };
