/** Answers every request with a stream of paced chunks. `PORT`: where it listens, on 127.0.0.1. */
import { type ServerResponse, createServer } from 'node:http';
import { chunkIntervalMs, streamEvents } from '../shapes.ts';

const events = streamEvents().map((event) => Buffer.from(event));

function stream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const left = events.values();
  const timer = setInterval(() => {
    const next = left.next();
    if (next.done !== true) response.write(next.value);
    else {
      clearInterval(timer);
      response.end();
    }
  }, chunkIntervalMs);
  response.once('close', () => clearInterval(timer));
}

createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  request.resume();
  request.once('end', () => stream(response));
}).listen(Number(process.env['PORT']), '127.0.0.1');
