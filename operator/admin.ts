import { createServer } from 'node:http';
import { once } from 'node:events';
import express from 'express';
import type { Registry } from 'prom-client';

/** Metrics and probes of the operator. */
export interface AdminOptions {
  listen: { host: string; port: number };
  registry: Registry;
  /** Whether it can do its work: caches are synced, sidecars are served. */
  isReady: () => boolean;
  signal: AbortSignal;
}

/** A listening admin server. */
export interface AdminServer {
  port: number;
  /** Resolves when, after the signal, it has closed. */
  closed: Promise<void>;
}

/** Serves `/metrics`, `/healthz` (this process turns) and `/readyz`. Rejects where the address cannot be had. */
export async function startAdmin({ listen, registry, isReady, signal }: AdminOptions): Promise<AdminServer> {
  const app = express().disable('x-powered-by');
  app.get('/healthz', (_request, response) => {
    response.type('text/plain').send('ok\n');
  });
  app.get('/readyz', (_request, response) => {
    const ready = isReady();
    response
      .status(ready ? 200 : 503)
      .type('text/plain')
      .send(ready ? 'ok\n' : 'not ready\n');
  });
  app.get('/metrics', async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  const server = createServer(app);
  server.requestTimeout = 10_000;
  server.maxConnections = 64;
  server.listen(listen.port, listen.host);
  await once(server, 'listening');
  const closed = once(server, 'close').then(() => undefined);
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  if (signal.aborted) close();
  else signal.addEventListener('abort', close, { once: true });
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : listen.port, closed };
}
