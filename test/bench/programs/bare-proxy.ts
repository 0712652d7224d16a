/**
 * The least a proxy in Node can do: node:http in front, undici behind, everything passed through as it comes, nothing
 * read. `PORT`: where it listens; `WHOLE` and `STREAM`: origins behind it, by the deployment in the path.
 */
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { Agent, type Dispatcher } from 'undici';

const agent = new Agent({ connections: 256, pipelining: 1 });
const streamPath = '/v2/inference/deployments/stream/';
const dropped = new Set(['connection', 'host', 'keep-alive', 'transfer-encoding']);

function withoutHopHeaders(headers: Record<string, string | string[] | undefined>) {
  return Object.fromEntries(
    Object.entries(headers).filter(([name, value]) => value !== undefined && !dropped.has(name)),
  );
}

/** Writes the answer as it arrives, at the client's pace. */
function relayTo(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart: () => {},
    onResponseStart: (_controller, status, headers) => {
      response.writeHead(status, withoutHopHeaders(headers));
    },
    onResponseData: (controller, chunk) => {
      if (response.write(chunk)) return;
      controller.pause();
      response.once('drain', () => controller.resume());
    },
    onResponseEnd: () => {
      response.end();
    },
    onResponseError: () => {
      response.destroy();
    },
  };
}

function passThrough(request: IncomingMessage, response: ServerResponse): void {
  const { url = '/', headers } = request;
  const origin = url.startsWith(streamPath) ? process.env['STREAM'] : process.env['WHOLE'];
  agent.dispatch(
    {
      origin: origin ?? '',
      path: url,
      method: 'POST',
      headers: withoutHopHeaders(headers),
      body: request,
    },
    relayTo(response),
  );
}

createServer({ keepAliveTimeout: 600_000 }, passThrough).listen(Number(process.env['PORT']), '127.0.0.1');
