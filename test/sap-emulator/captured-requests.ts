import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** A request as it arrived, its secrets replaced by fingerprints. */
export interface CapturedRequest {
  at: string;
  route: string;
  requestId: string;
  method: string;
  /** Path and query. */
  url: string;
  headers: Readonly<Record<string, string>>;
  /** UTF-8 text, cut off after 64 KiB. */
  body: string;
  bodyBytes: number;
}

/** The last requests and how many there were of each route. */
export interface CapturedRequests {
  add(captured: CapturedRequest): void;
  read(query?: { route?: string | undefined; limit?: number | undefined }): readonly CapturedRequest[];
  counts(): Readonly<Record<string, number>>;
  reset(): void;
}

const maxBodyBytes = 64 * 1024;

/** An empty list that keeps the last `most` requests. */
export function createCapturedRequests(most: number): CapturedRequests {
  let kept: CapturedRequest[] = [];
  let counts = new Map<string, number>();
  return {
    add: (captured) => {
      counts.set(captured.route, (counts.get(captured.route) ?? 0) + 1);
      kept.push(captured);
      if (kept.length > most) {
        kept.shift();
      }
    },
    read: ({ route, limit = most } = {}) =>
      kept.filter((one) => route === undefined || one.route === route).slice(-Math.max(1, limit)),
    counts: () => Object.fromEntries(counts),
    reset: () => {
      kept = [];
      counts = new Map();
    },
  };
}

/** Describes a request without the secrets in it: equal secrets have equal fingerprints. */
export function captureRequest(
  request: IncomingMessage,
  rest: { at: string; route: string; requestId: string; body: Buffer },
): CapturedRequest {
  const { body, ...known } = rest;
  const text = body.subarray(0, maxBodyBytes).toString('utf8');
  return {
    ...known,
    method: request.method ?? '',
    url: request.url ?? '',
    headers: headersOf(request),
    body: text.replace(
      /(client_secret=)([^&]*)/g,
      (_, name: string, value: string) => name + fingerprint(value),
    ),
    bodyBytes: body.length,
  };
}

function headersOf(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  }
  const { authorization } = headers;
  if (authorization !== undefined) {
    const [scheme = '', ...secret] = authorization.split(' ');
    headers['authorization'] = `${scheme} ${fingerprint(secret.join(' '))}`;
  }
  return headers;
}

function fingerprint(secret: string): string {
  return `sha256:${createHash('sha256').update(secret).digest('hex').slice(0, 16)}`;
}
