import { NoAnswerError } from '../sap/http-json.ts';
import type { JsonAnswer } from '../sap/http-json.ts';
import { SapError } from '../sap/sap-error.ts';
import { authorizedGet } from './authorized-get.ts';
import type { ApiAccess } from './authorized-get.ts';
import { parseExactly } from './exact-json.ts';
import { readIsBilled, readRows, UsageRowsError } from './usage-rows.ts';
import type { UsageAnswer } from './usage-rows.ts';

/** A large account has some ten thousand rows of 1 KB a month, and SAP takes its time for them. */
const limits = { maxBytes: 64 * 1024 * 1024, timeoutMs: 120_000 };

/** Days from first to last, `YYYY-MM-DD`. */
export interface DaySpan {
  from: string;
  to: string;
}

/** Reads Usage Data Management. All methods throw SapErrors of usage or of the token endpoint, or the signal's reason. */
export class UsageApi {
  readonly #access: ApiAccess;

  constructor(access: ApiAccess) {
    this.#access = access;
  }

  /** Usage of one subaccount by day. `UsageForbidden`: SAP may want a user for it; ask for months. */
  daily(
    { subaccountId, from, to }: DaySpan & { subaccountId: string },
    { signal }: { signal: AbortSignal },
  ): Promise<UsageAnswer> {
    const query = { subaccountId, fromDate: digits(from), toDate: digits(to), periodPerspective: 'DAY' };
    return this.#read(`/subaccountUsage?${new URLSearchParams(query).toString()}`, subaccountId, signal);
  }

  /** Usage of one month (`YYYY-MM`) of the whole account, each row summed over the month; `through` is of no use then. */
  monthly(
    { subaccountId, month }: { subaccountId: string; month: string },
    { signal }: { signal: AbortSignal },
  ): Promise<UsageAnswer> {
    const query = { fromDate: digits(month), toDate: digits(month) };
    return this.#read(`/monthlyUsage?${new URLSearchParams(query).toString()}`, subaccountId, signal);
  }

  /** Whether the bill of a month (`YYYY-MM`) is written: its usage does not change any more. Undefined: SAP has no cost of it. */
  async isBilled(
    { subaccountId, month }: { subaccountId: string; month: string },
    { signal }: { signal: AbortSignal },
  ): Promise<boolean | undefined> {
    const query = { fromDate: digits(month), toDate: digits(month) };
    const path = `/monthlySubaccountsCost?${new URLSearchParams(query).toString()}`;
    const answer = await this.#get(path, signal);
    return this.#contentOf(path, answer, (body) => readIsBilled(body, subaccountId));
  }

  async #read(path: string, subaccountId: string, signal: AbortSignal): Promise<UsageAnswer> {
    const answer = await this.#get(path, signal);
    return this.#contentOf(path, answer, (body) => readRows(body, subaccountId));
  }

  async #get(path: string, signal: AbortSignal): Promise<JsonAnswer> {
    return authorizedGet(this.#access, { path, limits, parse: parseRows, signal }).catch((error: unknown) => {
      if (!(error instanceof NoAnswerError)) throw error;
      throw new SapError(
        'UsageUnavailable',
        `${this.#name(path)} gives no answer: ${error.message}; check target_url of the service key and the way out of the cluster`,
      );
    });
  }

  #contentOf<T>(path: string, answer: JsonAnswer, read: (body: unknown) => T): T {
    if (answer.status !== 200) throw this.#refusal(path, answer);
    if (answer.problem !== undefined) throw this.#invalid(path, answer.problem);
    try {
      return read(answer.body);
    } catch (error) {
      if (!(error instanceof UsageRowsError)) throw error;
      throw this.#invalid(path, error.message);
    }
  }

  #refusal(path: string, { status, problem, retryAfterMs }: JsonAnswer): SapError {
    const answered = `${this.#name(path)} answers HTTP ${status}${problem === undefined ? '' : `, and the answer ${problem}`}`;
    if (status === 401 || status === 403)
      return new SapError(
        'UsageForbidden',
        `${answered}; the service key must be one of offering uas, plan reporting-ga-admin, of this global account`,
      );
    return new SapError('UsageUnavailable', `${answered}; it is tried again`, { retryAfterMs });
  }

  #invalid(path: string, what: string): SapError {
    const hint = 'is target_url of the service key right, or is a proxy in between?';
    return new SapError('UsageAnswerInvalid', `the answer of ${this.#name(path)} ${what}; ${hint}`);
  }

  #name(path: string): string {
    const { host } = new URL(this.#access.key.apiUrl);
    return `Usage Data Management at ${host} (${path.slice(1).split('?')[0] ?? ''})`;
  }
}

function parseRows(text: string): unknown {
  return parseExactly(text, 'usage');
}

function digits(date: string): string {
  return date.replaceAll('-', '');
}
