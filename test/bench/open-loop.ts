import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';

/** A load that does not wait: requests leave at their time whether or not earlier ones were answered. */
export interface OpenLoop {
  readonly origin: string;
  readonly path: string;
  readonly body: string;
  readonly authorization: string;
  readonly requestsPerSecond: number;
  readonly seconds: number;
}

const maxConnections = 256;

/**
 * Sends requests at a fixed rate.
 *
 * @returns how long each took from leaving to the end of its answer, ms
 * @throws Error when one was not answered with 200
 */
export async function openLoop(load: OpenLoop): Promise<number[]> {
  const pool = new Pool(load.origin, { connections: maxConnections, pipelining: 1 });
  const began = performance.now();
  const total = load.requestsPerSecond * load.seconds;
  const underWay: Promise<number>[] = [];
  try {
    while (underWay.length < total) {
      const due = Math.min(total, ((performance.now() - began) * load.requestsPerSecond) / 1000);
      while (underWay.length < due) underWay.push(timed(pool, load));
      await pause(1);
    }
    return await Promise.all(underWay);
  } finally {
    await pool.destroy();
  }
}

async function timed(pool: Pool, { path, body, authorization }: OpenLoop): Promise<number> {
  const leftMs = performance.now();
  const headers = { 'content-type': 'application/json', authorization };
  const answer = await pool.request({ path, method: 'POST', headers, body });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}: ${text}`);
  return performance.now() - leftMs;
}
