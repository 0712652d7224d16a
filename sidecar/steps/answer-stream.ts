import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { formatAmount } from '../../accounting/amount.ts';
import type { Price } from '../../accounting/price.ts';
import { type Admission, admissionHeaders } from '../admission.ts';
import type { Exchange } from '../exchange.ts';
import { errorAnswer } from '../error-answer.ts';
import { sleep } from '../pause.ts';
import { ProxyError } from '../proxy-error.ts';
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

/** Passes a stream on as it arrives, meters it on the way, and says at its end what it cost. */
export async function relayStream(exchange: Exchange, call: StreamCall): Promise<void> {
  const { admission, head, book } = call;
  const client = new StreamClient(exchange, call.stallMs);
  client.begin(head.status, {
    ...passedHeaders(head.headers),
    ...admissionHeaders(admission, exchange.id),
    'sapaibudget-overhead-ms': call.overheadMs.toFixed(3),
  });
  const meter = admission.family.createMeter({
    usageWanted: admission.demand.usageWanted,
    priceOf: (report) => priceOf(admission, report),
  });
  let told = false;
  const tell = async (end: CallEnd) => {
    if (told) return;
    told = true;
    await client.write(Buffer.from(costLine(book(end), admission)));
  };
  const answered = (): CallEnd => {
    const { report, brokenReport, failed } = meter;
    return failed
      ? { kind: 'error_in_stream', ...brokenReport }
      : { kind: 'answered', status: head.status, ...report };
  };
  const onDone = () => tell(answered());
  const outcome = await pump(head.body, { meter, client, onDone, onChunk: call.onChunk });
  if (outcome === 'whole') {
    await tell(answered());
    return client.end();
  }
  const kind = outcome === 'too_long' || call.givenUp() === 'read_bound' ? 'read_bound' : 'connection_lost';
  if (!told) await client.write(errorEvent(admission, exchange.id));
  await tell({ kind, ...meter.brokenReport });
  client.end();
}

/** Reads to the end; faults of the stream are an outcome, all others are thrown on. */
async function pump(
  body: Readable,
  {
    meter,
    client,
    onDone,
    onChunk,
  }: { meter: StreamMeter; client: StreamClient; onDone: () => Promise<void> } & Pick<StreamCall, 'onChunk'>,
): Promise<StreamOutcome> {
  const relay = async (event: SseEvent) => {
    const fate = meter.read(event);
    if (fate.kind === 'pass') onChunk();
    if (fate.kind === 'done') await onDone();
    if (fate.kind !== 'hide') await client.write(fate.raw);
  };
  try {
    for await (const event of eventsOf(body)) await relay(event);
    return 'whole';
  } catch (error) {
    if (error instanceof StreamFault) return error.outcome;
    throw error;
  }
}

type StreamOutcome = 'whole' | 'broken' | 'too_long';

class StreamFault extends Error {
  override readonly name = 'StreamFault';
  readonly outcome: Exclude<StreamOutcome, 'whole'>;

  constructor(outcome: Exclude<StreamOutcome, 'whole'>, options: ErrorOptions) {
    super(`the stream of SAP AI Core is ${outcome}`, options);
    this.outcome = outcome;
  }
}

async function* eventsOf(body: Readable): AsyncGenerator<SseEvent> {
  const splitter = new SseSplitter(maxEventBytes);
  for await (const chunk of chunksOf(body)) yield* split(splitter, chunk);
  const last = splitter.flush();
  if (last !== undefined) yield last;
}

async function* chunksOf(body: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body) yield Buffer.from(chunk);
  } catch (cause) {
    throw new StreamFault('broken', { cause });
  }
}

function split(splitter: SseSplitter, chunk: Buffer): SseEvent[] {
  try {
    return splitter.push(chunk);
  } catch (cause) {
    throw new StreamFault('too_long', { cause });
  }
}

/** The client's end of a stream: writes at its pace, and not at all once it has gone. */
class StreamClient {
  readonly #response: ServerResponse;
  readonly #gone: AbortSignal;
  readonly #stallMs: number;

  constructor({ response, gone }: Exchange, stallMs: number) {
    this.#response = response;
    this.#gone = gone;
    this.#stallMs = stallMs;
  }

  begin(status: number, headers: Record<string, string | string[]>): void {
    if (this.#gone.aborted) return;
    this.#response.writeHead(status, headers);
    this.#response.flushHeaders();
  }

  async write(bytes: Buffer): Promise<void> {
    if (this.#gone.aborted || this.#response.destroyed) return;
    if (this.#response.write(bytes)) return;
    let drained = false;
    await sleep(this.#stallMs, this.#gone, (wake) => {
      this.#response.once('drain', () => {
        drained = true;
        wake();
      });
    });
    // One that reads nothing for so long has gone, whatever its socket says.
    if (!drained) this.#response.destroy();
  }

  end(): void {
    if (!this.#response.destroyed) this.#response.end();
  }
}

/** What the stream would be booked with if it ended here. */
function priceOf({ demand, family }: Admission, report: AnswerReport): Price | undefined {
  const settlement = settlementOf({ kind: 'answered', status: 200, ...report }, { ...demand, ...family });
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
