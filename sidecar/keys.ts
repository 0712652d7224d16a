import { createHmac, hash, randomUUID, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/** How long a token of ours is accepted, in seconds: as long as SAP's longest, so that clients cache it. */
export const tokenLifeSeconds = 43_199;

const claims = z.object({ sapaibudget_budget: z.string().min(1).max(63), exp: z.number() });

/**
 * Checks what the application shows: `<budget>.<app key>` or a token signed with the app key. Says which budget it
 * names; undefined: not ours. Takes the same time for any wrong key.
 */
export class AppKeys {
  readonly #appKey: string;
  readonly #digest: Buffer;

  constructor(appKey: string) {
    this.#appKey = appKey;
    this.#digest = digest(appKey);
  }

  /** Whether this is the secret half of the key. */
  isAppKey(text: string): boolean {
    return timingSafeEqual(digest(text), this.#digest);
  }

  /** The budget of a raw key. */
  budgetOfKey(key: string): string | undefined {
    const dot = key.lastIndexOf('.');
    const right = this.isAppKey(key.slice(dot + 1));
    return right && dot > 0 ? key.slice(0, dot) : undefined;
  }

  /** The budget of a raw key or of a token that is still valid at this instant. */
  budgetOfCredential(credential: string, nowMs: number): string | undefined {
    return credential.startsWith(jwtStart)
      ? this.#budgetOfToken(credential, nowMs)
      : this.budgetOfKey(credential);
  }

  /** A JWT (HS256) that SAP's SDKs can decode; accepted after a restart as well. */
  issueToken(budget: string, nowMs: number): string {
    const issued = Math.floor(nowMs / 1000);
    const payload = {
      jti: randomUUID(),
      client_id: budget,
      cid: budget,
      azp: budget,
      sub: budget,
      grant_type: 'client_credentials',
      iat: issued,
      exp: issued + tokenLifeSeconds,
      zid: 'sap-ai-budget',
      ext_attr: { zdn: 'sap-ai-budget' },
      sapaibudget_budget: budget,
    };
    const content = `${jwtHead}.${base64(JSON.stringify(payload))}`;
    return `${content}.${this.#sign(content).toString('base64url')}`;
  }

  #budgetOfToken(token: string, nowMs: number): string | undefined {
    const end = token.lastIndexOf('.');
    const content = token.slice(0, Math.max(0, end));
    const signature = Buffer.from(token.slice(end + 1), 'base64url');
    const expected = this.#sign(content);
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return undefined;
    const payload = claims.safeParse(decode(content.slice(content.indexOf('.') + 1)));
    if (!payload.success || payload.data.exp * 1000 <= nowMs) return undefined;
    return payload.data.sapaibudget_budget;
  }

  #sign(content: string): Buffer {
    return createHmac('sha256', this.#appKey).update(content).digest();
  }
}

const jwtHead = base64('{"alg":"HS256","typ":"JWT"}');
/** No budget's name has capitals, so no key begins like this. */
const jwtStart = `${jwtHead}.`;

function base64(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
