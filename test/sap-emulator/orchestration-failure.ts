import { sendJson } from './answers.ts';
import type { Exchange } from './exchange.ts';

/** One failed attempt as the orchestration service words it. */
export interface AttemptFailure {
  request_id: string;
  code: number;
  message: string;
  location: string;
  headers?: Record<string, string>;
}

/** Puts what went wrong into SAP's words. */
export function describeFailure(
  exchange: Exchange,
  {
    code,
    location,
    text,
    headers,
  }: { code: number; location: string; text: string; headers?: Record<string, string> },
): AttemptFailure {
  return {
    request_id: exchange.requestId,
    code,
    message: `${code} - ${location}: ${text}`,
    location,
    ...(headers === undefined ? {} : { headers }),
  };
}

/** Answers with the failures of all attempts: a list where a list was sent, else an object, or flat as once. */
export function sendFailures(exchange: Exchange, failures: readonly AttemptFailure[], asList: boolean): void {
  const last =
    failures.at(-1) ?? describeFailure(exchange, { code: 500, location: 'Orchestration', text: 'failed' });
  const { flatErrors } = exchange.world.config.quirks;
  if (flatErrors) {
    sendJson(exchange.response, last.code, { ...last });
    return;
  }
  sendJson(exchange.response, last.code, { error: asList ? failures : last });
}
