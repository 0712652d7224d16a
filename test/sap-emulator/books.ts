import type { Tokens } from './chat-plan.ts';
import type { Exact } from './exact.ts';
import { add, formatExact, zero } from './exact.ts';

/** What is known of an inference when it is admitted. */
export interface Admission {
  requestId: string;
  clientId: string;
  deployment: string;
  model: string;
  version: string;
  resourceGroup: string;
  /** When the request was admitted, ISO 8601. */
  at: string;
  stream: boolean;
  limit: number | null;
  naturalTokens: number;
  finishReason: 'stop' | 'length';
  cutShort: boolean;
  faults: readonly string[];
}

/** What an inference costs, and by which factor. */
export interface Bill {
  tokens: Tokens;
  factor: string;
  capacityUnits: Exact;
}

/** One inference in the books; `capacityUnits` is the exact decimal text. */
export interface Entry extends Admission {
  /** Ascending from 1, never used again before a reset. */
  sequence: number;
  state: 'running' | 'finished';
  promptTokens: number;
  cachedTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  factor: string;
  capacityUnits: string;
  /** The usage was in the answer and was written to the socket before that closed. */
  usageDelivered: boolean;
  /** The connection was gone before the answer was complete. */
  clientLeft: boolean;
  /** The bill is for the largest answer allowed and not for the one that was given. */
  billedMaximum: boolean;
}

/** Sums over every inference since the start or the last reset, dropped entries included. */
export interface Totals {
  requests: number;
  running: number;
  usageDelivered: number;
  cutShort: number;
  promptTokens: number;
  cachedTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  capacityUnits: string;
  /** Of the requests whose usage was delivered. */
  capacityUnitsDelivered: string;
}

/** How an inference ended. */
export interface Ending {
  usageDelivered: boolean;
  clientLeft: boolean;
}

/** Which entries to read. */
export interface BooksQuery {
  /** Only entries with a greater `sequence`. */
  since?: number | undefined;
  /** At most this many. */
  limit?: number | undefined;
  clientId?: string | undefined;
  requestId?: string | undefined;
}

/** A page of the books. */
export interface BooksPage {
  totals: Totals;
  entries: readonly Entry[];
  /** What to give as `since` for the next page; absent: this was the last. */
  next?: number;
}

/** The emulator's own account of what it served. An inference is billed when it is admitted. */
export interface Books {
  /** Books an inference and answers how to tell its end; told once, with a greater bill where one is given. */
  admit(admission: Admission, bill: Bill): (ending: Ending, greaterBill?: Bill) => void;
  /** A page, and the totals of one client or of all. */
  read(query?: BooksQuery): BooksPage;
  reset(): void;
}

interface Sums {
  requests: number;
  running: number;
  usageDelivered: number;
  cutShort: number;
  tokens: Tokens;
  capacityUnits: Exact;
  delivered: Exact;
}

/** Most entries in one answer. */
const maxPage = 1000;

/** Told of every charge: an inference when it is admitted, and what a greater bill adds to it. */
export type OnBilled = (admission: Admission, charge: Bill) => void;

/** Empty books that keep the last `maxEntries` entries and the sums of all. */
export function createBooks(maxEntries: number, onBilled: OnBilled = () => undefined): Books {
  let entries: Entry[] = [];
  let sums = new Map<string, Sums>();
  let sequence = 0;
  return {
    admit: (admission, bill) => {
      const client = sums.get(admission.clientId) ?? emptySums();
      sums.set(admission.clientId, client);
      sequence += 1;
      const entry = openEntry(sequence, admission, bill);
      entries.push(entry);
      if (entries.length > maxEntries * 2) {
        entries = entries.slice(-maxEntries); // halved in one go: shifting one by one would be quadratic
      }
      client.requests += 1;
      client.running += 1;
      client.cutShort += admission.cutShort ? 1 : 0;
      charge(client, bill.tokens, bill.capacityUnits);
      onBilled(admission, bill);
      return (ending, greaterBill) => finish({ entry, client, bill, ending, greaterBill, onBilled });
    },
    read: (query = {}) => readPage(entries.slice(-maxEntries), sums, query),
    reset: () => {
      entries = [];
      sums = new Map();
      sequence = 0;
    },
  };
}

function openEntry(sequence: number, admission: Admission, bill: Bill): Entry {
  return {
    sequence,
    ...admission,
    state: 'running',
    ...billed(bill),
    usageDelivered: false,
    clientLeft: false,
    billedMaximum: false,
  };
}

function billed({
  tokens,
  factor,
  capacityUnits,
}: Bill): Pick<
  Entry,
  'promptTokens' | 'cachedTokens' | 'outputTokens' | 'reasoningTokens' | 'factor' | 'capacityUnits'
> {
  return {
    promptTokens: tokens.prompt,
    cachedTokens: tokens.cached,
    outputTokens: tokens.output,
    reasoningTokens: tokens.reasoning,
    factor,
    capacityUnits: formatExact(capacityUnits),
  };
}

interface Finish {
  entry: Entry;
  client: Sums;
  bill: Bill;
  ending: Ending;
  greaterBill: Bill | undefined;
  onBilled: OnBilled;
}

function finish({ entry, client, bill, ending, greaterBill, onBilled }: Finish): void {
  if (entry.state === 'finished') {
    return;
  }
  client.running -= 1;
  if (greaterBill !== undefined) {
    const more = {
      tokens: difference(greaterBill.tokens, bill.tokens),
      factor: bill.factor,
      capacityUnits: subtract(greaterBill.capacityUnits, bill.capacityUnits),
    };
    charge(client, more.tokens, more.capacityUnits);
    onBilled(entry, more);
    Object.assign(entry, billed(greaterBill), { billedMaximum: true });
  }
  if (ending.usageDelivered) {
    client.usageDelivered += 1;
    client.delivered = add(client.delivered, (greaterBill ?? bill).capacityUnits);
  }
  Object.assign(entry, ending, { state: 'finished' });
}

function readPage(entries: readonly Entry[], sums: Map<string, Sums>, query: BooksQuery): BooksPage {
  const { since = 0, clientId, requestId } = query;
  const limit = Math.min(query.limit ?? maxPage, maxPage);
  const wanted = entries.filter(
    (entry) =>
      entry.sequence > since &&
      (clientId === undefined || entry.clientId === clientId) &&
      (requestId === undefined || entry.requestId === requestId),
  );
  const page = wanted.slice(0, limit);
  const last = page.at(-1);
  const next = wanted.length > page.length && last !== undefined ? { next: last.sequence } : {};
  const clients = [...sums].filter(([id]) => clientId === undefined || id === clientId).map(([, sum]) => sum);
  return { totals: totalsOf(clients), entries: page.map((entry) => ({ ...entry })), ...next };
}

function totalsOf(clients: readonly Sums[]): Totals {
  const all = emptySums();
  for (const client of clients) {
    all.requests += client.requests;
    all.running += client.running;
    all.usageDelivered += client.usageDelivered;
    all.cutShort += client.cutShort;
    all.delivered = add(all.delivered, client.delivered);
    charge(all, client.tokens, client.capacityUnits);
  }
  return {
    requests: all.requests,
    running: all.running,
    usageDelivered: all.usageDelivered,
    cutShort: all.cutShort,
    promptTokens: all.tokens.prompt,
    cachedTokens: all.tokens.cached,
    outputTokens: all.tokens.output,
    reasoningTokens: all.tokens.reasoning,
    capacityUnits: formatExact(all.capacityUnits),
    capacityUnitsDelivered: formatExact(all.delivered),
  };
}

function charge(sums: Sums, tokens: Tokens, capacityUnits: Exact): void {
  sums.tokens.prompt += tokens.prompt;
  sums.tokens.cached += tokens.cached;
  sums.tokens.output += tokens.output;
  sums.tokens.reasoning += tokens.reasoning;
  sums.capacityUnits = add(sums.capacityUnits, capacityUnits);
}

function difference(after: Tokens, before: Tokens): Tokens {
  return {
    prompt: after.prompt - before.prompt,
    cached: after.cached - before.cached,
    output: after.output - before.output,
    reasoning: after.reasoning - before.reasoning,
  };
}

function subtract(left: Exact, right: Exact): Exact {
  return add(left, { units: -right.units, places: right.places });
}

function emptySums(): Sums {
  return {
    requests: 0,
    running: 0,
    usageDelivered: 0,
    cutShort: 0,
    tokens: { prompt: 0, cached: 0, output: 0, reasoning: 0 },
    capacityUnits: zero,
    delivered: zero,
  };
}
