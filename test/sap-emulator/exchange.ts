import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AccessTokens } from './access-tokens.ts';
import type { Books } from './books.ts';
import type { CapturedRequests } from './captured-requests.ts';
import type { EmulatorConfig, Tenant } from './config.ts';
import type { FaultRules } from './faults.ts';
import type { OAuthClient } from './oauth-clients.ts';
import type { UsageBooks } from './usage-books.ts';

/** What all requests share. */
export interface World {
  readonly config: EmulatorConfig;
  readonly books: Books;
  readonly usageBooks: UsageBooks;
  readonly clients: readonly OAuthClient[];
  readonly accessTokens: AccessTokens;
  readonly faultRules: FaultRules;
  readonly captured: CapturedRequests;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Where clients reach the emulator, without a trailing slash. */
  readonly origin: () => string;
  /** Aborted when the emulator closes. */
  readonly closing: AbortSignal;
}

/** One request and the answer to it. */
export interface Exchange {
  readonly world: World;
  readonly route: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** The path's variable parts, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly requestId: string;
  /** When the request was admitted. */
  readonly atMs: number;
  /** Aborted when the client has gone or the emulator closes. */
  readonly gone: AbortSignal;
  /** Half of a JSON answer is to be sent as if it were all. */
  readonly truncate: boolean;
  /** A list is to be sent without its items. */
  readonly empty: boolean;
}

/** Who calls, as the access token says, and the resource group named in the header. */
export interface Caller {
  readonly tenant: Tenant;
  readonly resourceGroup: string;
}

/** A signal that is aborted once nobody can receive the answer any more. */
export function watchClient(response: ServerResponse, closing: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  response.once('close', abort);
  closing.addEventListener('abort', abort, { once: true });
  response.once('close', () => closing.removeEventListener('abort', abort));
  return controller.signal;
}

/** An id as SAP gives each request. */
export function newRequestId(): string {
  return randomUUID();
}
