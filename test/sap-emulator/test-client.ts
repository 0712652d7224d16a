import { z } from 'zod';
import { onTestFinished } from 'vitest';
import { startEmulator } from './emulator.ts';
import type { Emulator, EmulatorOptions } from './emulator.ts';

/** The deployments of the standard catalogue that tests call. */
export const deploymentIds = {
  gpt4oMini: 'd000000000000003',
  gpt41: 'd000000000000004',
  gpt5: 'd000000000000005',
  withoutCost: 'd000000000000006',
  embedding: 'd000000000000007',
  orchestration: 'd00000000000000a',
  claude: 'd000000000000009',
  stopped: 'd00000000000000c',
  teamA: 'd00000000000000d',
} as const;

/** A client with a token, for one tenant of an emulator. */
export interface TestClient {
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** Posts to a path below a deployment. */
  infer(deployment: string, path: string, body: object | string): Promise<Response>;
  /** Posts a chat request; the body as it is when it is a string. */
  chat(body: object | string, options?: ChatCallOptions): Promise<Response>;
}

/** Where a chat request goes, and how. */
export interface ChatCallOptions {
  deployment?: string;
  resourceGroup?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

const tokenAnswer = z.object({ access_token: z.string() });

/** Starts an emulator for the test that runs, with a client of its first tenant. */
export async function launch(
  options: EmulatorOptions = {},
): Promise<{ emulator: Emulator; client: TestClient }> {
  const emulator = await startEmulator(options);
  onTestFinished(async () => emulator.close());
  return { emulator, client: await connect(emulator) };
}

/** Gets a token for the n-th tenant and calls with it. */
export async function connect(emulator: Emulator, tenant = 0): Promise<TestClient> {
  const response = await requestToken(emulator, tenant);
  const { access_token: token } = tokenAnswer.parse(await response.json());
  const authorization = `Bearer ${token}`;
  return {
    get: async (path, headers = {}) =>
      fetch(`${emulator.url}${path}`, {
        headers: { authorization, 'ai-resource-group': 'default', ...headers },
      }),
    infer: async (deployment, path, body) =>
      fetch(`${emulator.url}/v2/inference/deployments/${deployment}/${path}`, {
        method: 'POST',
        headers: { authorization, 'ai-resource-group': 'default', 'content-type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    chat: async (body, options = {}) => {
      const {
        deployment = deploymentIds.gpt4oMini,
        resourceGroup = 'default',
        headers = {},
        signal,
      } = options;
      return fetch(
        `${emulator.url}/v2/inference/deployments/${deployment}/chat/completions?api-version=2024-10-21`,
        {
          method: 'POST',
          headers: {
            authorization,
            'ai-resource-group': resourceGroup,
            'content-type': 'application/json',
            ...headers,
          },
          body: typeof body === 'string' ? body : JSON.stringify(body),
          ...(signal === undefined ? {} : { signal }),
        },
      );
    },
  };
}

/** Asks for a token with the credentials of the n-th tenant in the body. */
export async function requestToken(emulator: Emulator, tenant = 0): Promise<Response> {
  const key = emulator.serviceKey(tenant);
  return fetch(`${key.url}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: key.clientid,
      client_secret: key.clientsecret,
    }),
  });
}

/** A chat request with one message. */
export function ask(content: string, rest: object = {}): object {
  return { messages: [{ role: 'user', content }], ...rest };
}

/** The JSON payloads of a stream in order, and whether it ended with `[DONE]`. */
export function parseStream(text: string): { chunks: unknown[]; done: boolean } {
  const payloads = text
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data: '))
    .map((line) => line.slice('data: '.length));
  const done = payloads.at(-1) === '[DONE]';
  const chunks = (done ? payloads.slice(0, -1) : payloads).map((payload): unknown => JSON.parse(payload));
  return { chunks, done };
}

/** Waits until a condition holds; fails after ten seconds. */
export async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > deadline) {
      throw new Error(`still not so after ten seconds: ${String(holds)}`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}
