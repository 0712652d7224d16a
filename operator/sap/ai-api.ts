import { z } from 'zod';
import type { Dispatcher } from 'undici';
import { listEnvelope } from './ai-core-objects.ts';
import { callJson, NoAnswerError } from './http-json.ts';
import type { JsonAnswer } from './http-json.ts';
import { SapError } from './sap-error.ts';
import type { ServiceKey } from './service-key.ts';
import type { TokenBroker } from './token-broker.ts';

/** A thousand deployments are about 2 MB; ten thousand resources of any kind stay below this. */
const limits = { maxBytes: 32 * 1024 * 1024, timeoutMs: 30_000 };
/** As many resources of a list as are asked for. */
const listTop = 1000;

/** Whose AI Core to read, and by what. */
export interface AiApiOptions {
  key: ServiceKey;
  broker: TokenBroker;
  dispatcher: Dispatcher;
}

/** Where to read, and until when. */
export interface ReadOptions {
  /** Needed below `/lm`. */
  resourceGroup?: string;
  signal: AbortSignal;
}

/** Reads AI Core's AI API with the tokens of one service key. A token that is not accepted is replaced once. */
export class AiApi {
  readonly #options: AiApiOptions;

  constructor(options: AiApiOptions) {
    this.#options = options;
  }

  /**
   * The resources of a list, at most a thousand, as they came.
   *
   * @throws SapError, or the signal's reason
   */
  async list(path: string, options: ReadOptions): Promise<unknown[]> {
    const answer = await this.#get(`${path}?$top=${listTop}`, options);
    const parsed = listEnvelope.safeParse(answer.body);
    if (answer.status === 200 && parsed.success) return parsed.data.resources;
    throw this.#errorOf(path, answer);
  }

  async #get(path: string, { resourceGroup, signal }: ReadOptions): Promise<JsonAnswer> {
    const { key, broker } = this.#options;
    const { accessToken } = await broker.token(key, { signal });
    const answer = await this.#send(path, { resourceGroup, signal, accessToken });
    if (answer.status !== 401) return answer;
    broker.drop(key, accessToken);
    const renewed = await broker.token(key, { signal });
    return this.#send(path, { resourceGroup, signal, accessToken: renewed.accessToken });
  }

  #send(
    path: string,
    {
      resourceGroup,
      signal,
      accessToken,
    }: { resourceGroup: string | undefined; signal: AbortSignal; accessToken: string },
  ): Promise<JsonAnswer> {
    const headers = {
      authorization: `Bearer ${accessToken}`,
      ...(resourceGroup === undefined ? {} : { 'ai-resource-group': resourceGroup }),
    };
    const { dispatcher, key } = this.#options;
    const url = `${key.apiUrl}${path}`;
    return callJson({ dispatcher, method: 'GET', url, headers, signal, limits }).catch((error: unknown) => {
      if (!(error instanceof NoAnswerError)) throw error;
      const hint = 'check serviceurls.AI_API_URL of the service key and the way out of the cluster';
      throw new SapError(
        'AiCoreUnavailable',
        `${this.#name(path)} gives no answer: ${error.message}; ${hint}`,
      );
    });
  }

  #errorOf(path: string, { status, body, problem, retryAfterMs }: JsonAnswer): SapError {
    const name = this.#name(path);
    if (status === 200) {
      const what = problem ?? 'is not a list of resources';
      const hint = 'is serviceurls.AI_API_URL of the service key right, or is a proxy in between?';
      return new SapError('AiCoreAnswerInvalid', `the answer of ${name} ${what}; ${hint}`);
    }
    const said = envelopeMessage(body) ?? (problem === undefined ? '' : `the answer ${problem}`);
    const answered = `${name} answers HTTP ${status}${said === '' ? '' : `: ${said}`}`;
    if (status === 429 || status >= 500) return new SapError('AiCoreUnavailable', answered, { retryAfterMs });
    if (status === 401 || status === 403)
      return new SapError(
        'AccessDenied',
        `${answered}; the service key must be one of AI Core, plan extended, and its client must be allowed to read`,
      );
    return new SapError('AiCoreRefused', answered);
  }

  #name(path: string): string {
    return `AI Core at ${new URL(this.#options.key.apiUrl).host} (GET /v2${path.split('?')[0] ?? ''})`;
  }
}

const envelope = z.object({ error: z.object({ message: z.string() }) });
const maxMessageLength = 200;

function envelopeMessage(body: unknown): string | undefined {
  const parsed = envelope.safeParse(body);
  return parsed.success ? parsed.data.error.message.slice(0, maxMessageLength) : undefined;
}
