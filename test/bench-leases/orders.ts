/** One lease client: the files of its pod's volumes. */
export interface ClientFiles {
  tokenFile: string;
  caFile: string;
  journalDir: string;
}

/** What a process with lease clients is told to do. */
export type Order =
  | { do: 'start'; operatorUrl: string; budget: string; clients: ClientFiles[] }
  /** Requests of 1 CU that cost it all, at a rate over all clients, whether or not earlier ones were answered. */
  | { do: 'traffic'; requestsPerSecond: number; seconds: number }
  /** Each client sends `width` requests of 2 CU at a time that cost a quarter, until it was refused a few times in a row. */
  | { do: 'exhaust'; width: number; refusals: number }
  | { do: 'end' };

/** What came of it; times in ms. */
export interface Result {
  /** Of lease messages that were granted something, from sending to the answer. */
  grantMs: number[];
  /** Of requests that were refused, from arrival. */
  refusalMs: number[];
  /** Requests that were served. */
  served: number;
  /** Requests that failed for another reason than the budget. */
  failed: number;
}

/** Nothing yet. */
export function noResult(): Result {
  return { grantMs: [], refusalMs: [], served: 0, failed: 0 };
}

/** All of several processes. */
export function together(results: readonly Result[]): Result {
  return results.reduce(
    (sum, result) => ({
      grantMs: [...sum.grantMs, ...result.grantMs],
      refusalMs: [...sum.refusalMs, ...result.refusalMs],
      served: sum.served + result.served,
      failed: sum.failed + result.failed,
    }),
    noResult(),
  );
}
