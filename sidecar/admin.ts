import { type Server, type ServerResponse, createServer } from 'node:http';
import type { Registry } from 'prom-client';

/** Makes the server of metrics and probes, which knows no secret and needs no key. `beforeScrape` sets gauges. */
export function createAdminServer(options: {
  registry: Registry;
  ready: () => boolean;
  beforeScrape: () => void;
}): Server {
  return createServer((request, response) => {
    const path = request.method === 'GET' ? request.url : undefined;
    if (path === '/healthz') sendText(response, { status: 200, text: 'ok\n' });
    else if (path === '/readyz') sendText(response, readiness(options.ready()));
    else if (path === '/metrics') {
      options.beforeScrape();
      void sendMetrics(response, options.registry);
    } else sendText(response, { status: 404, text: 'served here: /metrics, /healthz, /readyz\n' });
  });
}

function readiness(ready: boolean): { status: number; text: string } {
  return ready ? { status: 200, text: 'ok\n' } : { status: 503, text: 'not ready\n' };
}

async function sendMetrics(response: ServerResponse, registry: Registry): Promise<void> {
  try {
    const text = await registry.metrics();
    sendText(response, { status: 200, text, type: registry.contentType });
  } catch {
    sendText(response, { status: 500, text: 'metrics cannot be read\n' });
  }
}

function sendText(
  response: ServerResponse,
  { status, text, type = 'text/plain; charset=utf-8' }: { status: number; text: string; type?: string },
): void {
  response.writeHead(status, { 'content-type': type }).end(text);
}
