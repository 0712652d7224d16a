import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { EmulatorError } from './errors.ts';
import type { Exchange } from './exchange.ts';

/** Reads a whole body; throws `body_too_large` beyond `maxBytes`, `client_gone` when it breaks off. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      const buffer = Buffer.from(piece);
      bytes += buffer.length;
      if (bytes > maxBytes) {
        throw new EmulatorError('body_too_large', `a body may have ${maxBytes} bytes: send less`);
      }
      pieces.push(buffer);
    }
  } catch (cause) {
    if (cause instanceof EmulatorError) {
      throw cause;
    }
    throw new EmulatorError('client_gone', 'the client broke off its request', { cause });
  }
  return Buffer.concat(pieces);
}

/** Sends a whole JSON answer. `truncate` sends half of it, as if that were all. */
export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  { headers = {}, truncate = false }: { headers?: OutgoingHttpHeaders; truncate?: boolean } = {},
): void {
  const body = Buffer.from(JSON.stringify(value));
  send(response, status, {
    body: truncate ? body.subarray(0, body.length >> 1) : body,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

/** Sends a whole answer of any kind. */
export function send(
  response: ServerResponse,
  status: number,
  { body, headers }: { body: Buffer | string; headers: OutgoingHttpHeaders },
): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** An error as the AI API words it; `code` is SAP's own number for the case, not the status. */
export function sendAiApiError(exchange: Exchange, status: number, message: string): void {
  sendJson(exchange.response, status, {
    error: {
      code: `0102${String(status).padStart(4, '0')}`,
      message,
      requestId: exchange.requestId,
      target: exchange.url.pathname,
      details: {},
    },
  });
}

/** An error as an Azure OpenAI deployment words it. */
export function sendAzureError(
  response: ServerResponse,
  status: number,
  { message, param = null, code = null, headers = {} }: AzureError,
): void {
  const type = status < 500 ? 'invalid_request_error' : 'server_error';
  sendJson(response, status, { error: { code, message, param, type } }, { headers });
}

/** What an Azure error says. */
export interface AzureError {
  message: string;
  param?: string | null;
  code?: string | null;
  headers?: OutgoingHttpHeaders;
}

/** An error as the token endpoint words it. */
export function sendTokenError(
  response: ServerResponse,
  status: number,
  error: string,
  description: string,
): void {
  sendJson(response, status, { error, error_description: description });
}
