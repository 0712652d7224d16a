import type { ServerResponse } from 'node:http';

/** The client's end of a stream: knows when the client is behind, and is written to no more once it has gone. */
export class StreamClient {
  readonly #response: ServerResponse;
  readonly #stallMs: number;

  /** `stallMs`: for how long a client may read nothing of what was written to it. */
  constructor(response: ServerResponse, stallMs: number) {
    this.#response = response;
    this.#stallMs = stallMs;
  }

  /** Whether more was written than the client has read, so that it should be waited for. */
  get behind(): boolean {
    return this.#response.writableNeedDrain && !this.#response.destroyed;
  }

  begin(status: number, headers: Record<string, string | string[]>): void {
    if (this.#response.destroyed) return;
    this.#response.writeHead(status, headers);
    this.#response.flushHeaders();
  }

  write(bytes: Buffer): void {
    if (!this.#response.destroyed) this.#response.write(bytes);
  }

  /** Calls back once when a client that is behind has read, or has gone. One that reads nothing for too long has. */
  onceReady(callback: () => void): void {
    const response = this.#response;
    const ready = () => {
      clearTimeout(stalled);
      response.off('drain', ready).off('close', ready);
      callback();
    };
    const stalled = setTimeout(() => {
      response.destroy();
      ready();
    }, this.#stallMs);
    response.once('drain', ready).once('close', ready);
  }

  /** Ends the answer; calls back when that was written, or the client has gone. */
  end(callback: () => void): void {
    const finish = () => {
      if (!this.#response.destroyed) this.#response.end();
      callback();
    };
    if (this.behind) this.onceReady(finish);
    else finish();
  }
}
