import type { OutgoingHttpHeaders } from 'node:http';
import type { Ending } from './books.ts';
import type { StreamEvent } from './chat-stream.ts';
import { beginDelivery } from './delivery.ts';
import type { Delivery } from './delivery.ts';
import type { Exchange } from './exchange.ts';
import { pause } from './failures.ts';
import type { Faults } from './faults.ts';

/** An answer on its way, and how it is to fail. */
export interface Reply {
  exchange: Exchange;
  faults: Faults;
}

const slowChunkMs = 20;

/** Sends a whole JSON answer with status 200, or as much of it as its faults let through. */
export async function replyWhole(
  reply: Reply,
  { value, withUsage }: { value: unknown; withUsage: boolean },
): Promise<Ending> {
  const { faults } = reply;
  const whole = Buffer.from(JSON.stringify(value));
  const half = whole.subarray(0, whole.length >> 1);
  const truncated = faults.has('truncated-json');
  const body = truncated ? half : whole;
  const delivery = begin(reply, { 'content-type': 'application/json' }, body.length);
  if (faults.has('abrupt-close')) {
    await delivery.send(half);
    delivery.breakOff();
    return { usageDelivered: false, clientLeft: false };
  }
  const complete = (await delivery.send(body)) && (await delivery.finish());
  return { usageDelivered: complete && withUsage && !truncated, clientLeft: !complete };
}

/** Sends a stream of about so many events; with the fault for it, the connection breaks in the middle. */
export async function replyStream(
  reply: Reply,
  { events, length }: { events: Iterable<StreamEvent>; length: number },
): Promise<Ending> {
  const { exchange, faults } = reply;
  const delivery = begin(reply, { 'content-type': 'text/event-stream; charset=utf-8' });
  const slow = faults.get('slow-chunks');
  const breakAfter = faults.has('abrupt-close') ? Math.ceil(length / 2) : Infinity;
  let usageDelivered = false;
  let sent = 0;
  for (const event of events) {
    if (slow !== undefined) {
      await pause(slow.delayMs ?? slowChunkMs, exchange.gone);
    }
    if (sent > breakAfter || (event.carriesUsage && breakAfter !== Infinity)) {
      delivery.breakOff();
      return { usageDelivered: false, clientLeft: false };
    }
    if (!(await delivery.send(event.text))) {
      return { usageDelivered, clientLeft: true };
    }
    usageDelivered ||= event.carriesUsage;
    sent += 1;
  }
  return { usageDelivered, clientLeft: !(await delivery.finish()) };
}

function begin({ exchange, faults }: Reply, headers: OutgoingHttpHeaders, bytes?: number): Delivery {
  const { quirks } = exchange.world.config;
  const gzip = quirks.gzip && /\bgzip\b/.test(exchange.request.headers['accept-encoding'] ?? '');
  return beginDelivery(exchange.response, {
    status: 200,
    headers: {
      ...headers,
      ...(bytes === undefined || gzip ? {} : { 'content-length': bytes }),
      'ai-inference-id': exchange.requestId,
      'x-upstream-service-time': Math.max(0, Math.round(exchange.world.now() - exchange.atMs)),
    },
    gzip,
    splitBytes: quirks.splitBytes || faults.has('split-bytes'),
  });
}
