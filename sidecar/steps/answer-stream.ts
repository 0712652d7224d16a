import { formatAmount } from '../../accounting/amount.ts';
import type { Price } from '../../accounting/price.ts';
import { type Admission, admissionHeaders, pricingOf } from '../admission.ts';
import type { BodyReader } from '../answer-body.ts';
import type { Exchange } from '../exchange.ts';
import { errorAnswer } from '../error-answer.ts';
import { ProxyError } from '../proxy-error.ts';
import { StreamClient } from '../streams/stream-client.ts';
import type { StreamMeter } from '../streams/stream-meter.ts';
import { type SseEvent, SseSplitter } from '../streams/sse-splitter.ts';
import type { UpstreamAnswer } from '../upstream.ts';
import { passedHeaders } from './answer-json.ts';
import { type AnswerReport, type CallEnd, type Settlement, settlementOf } from './settlement.ts';

/** What the relay of a stream needs beside its exchange. */
export interface StreamCall {
  readonly admission: Admission;
  readonly head: UpstreamAnswer;
  /** Why reading was given up, if it was. */
  readonly givenUp: () => 'read_bound' | 'stopped' | undefined;
  readonly book: (end: CallEnd) => Settlement;
  /** Told as each event of the answer arrives. */
  readonly onChunk: () => void;
  readonly overheadMs: number;
  /** How long a client may take to read what was written to it. */
  readonly stallMs: number;
}

/** No event of a chat stream comes near this. */
const maxEventBytes = 8 * 1024 * 1024;

/** Whether an answer is a stream of events. */
export function isEventStream({ status, headers }: UpstreamAnswer): boolean {
  const type = headers['content-type'];
  return status === 200 && typeof type === 'string' && type.toLowerCase().startsWith('text/event-stream');
}

/**
 * Passes a stream on as it arrives, meters it on the way, and says at its end what it cost. Resolves when all is written;
 * rejects only for a fault of this program.
 */
export function relayStream(exchange: Exchange, call: StreamCall): Promise<void> {
  const { admission, head } = call;
  const client = new StreamClient(exchange.response, call.stallMs);
  client.begin(head.status, {
    ...passedHeaders(head.headers),
    ...admissionHeaders(admission, exchange.id),
    'sapaibudget-overhead-ms': call.overheadMs.toFixed(3),
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const relay = new StreamRelay(call, { client, requestId: exchange.id, done: resolve });
  const guarded = <Told extends unknown[]>(tell: (...told: Told) => void) => {
    return (...told: Told) => {
      try {
        tell(...told);
      } catch (fault) {
        head.body.abandon();
        reject(fault);
      }
    };
  };
  head.body.read({
    data: guarded((chunk: Buffer) => relay.data(chunk)),
    end: guarded(() => relay.end()),
    fail: guarded(() => relay.fail()),
  });
  return promise;
}

/** The way of one stream. No promise and no iterator: this is done for every chunk. */
class StreamRelay implements BodyReader {
  readonly #call: StreamCall;
  readonly #client: StreamClient;
  readonly #meter: StreamMeter;
  readonly #splitter = new SseSplitter(maxEventBytes);
  readonly #requestId: string;
  readonly #done: () => void;
  #told = false;

  constructor(call: StreamCall, to: { client: StreamClient; requestId: string; done: () => void }) {
    const { admission } = call;
    this.#call = call;
    this.#client = to.client;
    this.#requestId = to.requestId;
    this.#done = to.done;
    this.#meter = admission.family.createMeter({
      usageWanted: admission.demand.usageWanted,
      priceOf: (report) => priceOf(admission, report),
    });
  }

  data(chunk: Buffer): void {
    const events = this.#split(chunk);
    if (events === undefined) {
      this.#call.head.body.abandon();
      return this.#breakOff('read_bound');
    }
    for (const event of events) this.#relay(event);
    if (!this.#client.behind) return;
    this.#call.head.body.pause();
    this.#client.onceReady(() => this.#call.head.body.resume());
  }

  end(): void {
    const last = this.#splitter.flush();
    if (last !== undefined) this.#relay(last);
    this.#tell(this.#answered());
    this.#finish();
  }

  fail(): void {
    this.#breakOff(this.#call.givenUp() === 'read_bound' ? 'read_bound' : 'connection_lost');
  }

  /** Undefined for an event that is too long. */
  #split(chunk: Buffer): SseEvent[] | undefined {
    try {
      return this.#splitter.push(chunk);
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  #relay(event: SseEvent): void {
    const fate = this.#meter.read(event);
    if (fate.kind === 'pass') this.#call.onChunk();
    if (fate.kind === 'done') this.#tell(this.#answered());
    if (fate.kind !== 'hide') this.#client.write(fate.raw);
  }

  #answered(): CallEnd {
    const { report, brokenReport, failed } = this.#meter;
    return failed
      ? { kind: 'error_in_stream', ...brokenReport }
      : { kind: 'answered', status: this.#call.head.status, ...report };
  }

  #breakOff(kind: 'read_bound' | 'connection_lost'): void {
    if (!this.#told) this.#client.write(errorEvent(this.#call.admission, this.#requestId));
    this.#tell({ kind, ...this.#meter.brokenReport });
    this.#finish();
  }

  /** Books, and says what was booked. */
  #tell(end: CallEnd): void {
    if (this.#told) return;
    this.#told = true;
    this.#client.write(Buffer.from(costLine(this.#call.book(end), this.#call.admission)));
  }

  #finish(): void {
    this.#client.end(this.#done);
  }
}

/** What the stream would be booked with if it ended here. */
function priceOf(admission: Admission, report: AnswerReport): Price | undefined {
  const settlement = settlementOf({ kind: 'answered', status: 200, ...report }, pricingOf(admission));
  return settlement.kind === 'settled' ? settlement.price : undefined;
}

/** A comment, which clients skip: headers have left before the cost is known. */
function costLine(settlement: Settlement, { reservation }: Admission): string {
  if (settlement.kind === 'unknown')
    return `: sapaibudget cu-held=${formatAmount(reservation.amount)} reason=${settlement.reason}\n\n`;
  const { total, input, output } = settlement.price ?? { total: 0n, input: 0n, output: 0n };
  return `: sapaibudget cu-actual=${formatAmount(total)} cu-input=${formatAmount(input)} cu-output=${formatAmount(output)}\n\n`;
}

/** A connection that just breaks would hide the reason from every client. */
function errorEvent({ family }: Admission, requestId: string): Buffer {
  const error = new ProxyError(
    'upstream_connection_lost',
    'the connection to SAP AI Core broke within the stream',
  );
  return Buffer.from(`data: ${errorAnswer(error, family.surface, requestId).body}\n\n`);
}
