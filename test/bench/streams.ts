import { Pool } from 'undici';
import { chatPath, chatRequest, chunksPerStream } from './shapes.ts';

/** A load of streams at once, each followed by the next until the time is over. */
export interface StreamLoad {
  readonly origin: string;
  readonly authorization: string;
  readonly streams: number;
  readonly seconds: number;
}

/**
 * Reads streams to their end.
 *
 * @returns how many chunks have passed, counted as they were sent
 * @throws Error when a stream was not answered with 200 or did not end as it should
 */
export async function readStreams({ origin, authorization, streams, seconds }: StreamLoad): Promise<number> {
  const pool = new Pool(origin, { connections: streams, pipelining: 1 });
  const endMs = performance.now() + seconds * 1000;
  const body = chatRequest({ bytes: 1024, stream: true });
  let ended = 0;
  const oneByOne = async () => {
    while (performance.now() < endMs) {
      await readOne(pool, { authorization, body });
      ended += 1;
    }
  };
  try {
    await Promise.all(Array.from({ length: streams }, oneByOne));
    return ended * chunksPerStream;
  } finally {
    await pool.destroy();
  }
}

async function readOne(pool: Pool, { authorization, body }: { authorization: string; body: string }) {
  const headers = { 'content-type': 'application/json', authorization };
  const answer = await pool.request({ path: chatPath('stream'), method: 'POST', headers, body });
  let end = '';
  for await (const chunk of answer.body) end = (end + String(chunk)).slice(-32);
  if (answer.statusCode !== 200 || !end.includes('data: [DONE]'))
    throw new Error(`a stream of status ${answer.statusCode} ended with ${JSON.stringify(end)}`);
}
