import { type Exchange, header, sendPlain } from '../exchange.ts';
import { type AppKeys, tokenLifeSeconds } from '../keys.ts';
import { ProxyError } from '../proxy-error.ts';
import { readBody } from './read-body.ts';

const maxFormBytes = 16 * 1024;

/**
 * Gives the application an access token of our own for the fake service key it was given.
 *
 * @throws ProxyError `not_authenticated` or `unsupported_grant`
 */
export async function answerToken(exchange: Exchange, keys: AppKeys, nowMs: number): Promise<void> {
  const form = new URLSearchParams(
    (await readBody(exchange.request, { maxBytes: maxFormBytes })).toString('utf8'),
  );
  const { id, secret } = basicCredentials(header(exchange.request, 'authorization')) ?? {
    id: form.get('client_id') ?? '',
    secret: form.get('client_secret') ?? '',
  };
  const budget = keys.budgetOfKey(id);
  if (budget === undefined || !keys.isAppKey(secret))
    throw new ProxyError('not_authenticated', 'client_id or client_secret is not the one this pod was given');
  if (form.get('grant_type') !== 'client_credentials')
    throw new ProxyError('unsupported_grant', 'the only grant_type here is client_credentials');
  sendPlain(exchange, {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify({
      access_token: keys.issueToken(budget, nowMs),
      token_type: 'bearer',
      expires_in: tokenLifeSeconds,
    }),
  });
}

/** Credentials of a Basic header, as they are or form-encoded, as RFC 6749 has it. */
function basicCredentials(authorization: string | undefined): { id: string; secret: string } | undefined {
  const encoded = /^basic +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  const [id = '', secret = ''] = [text.slice(0, colon), text.slice(colon + 1)].map(formDecode);
  return { id, secret };
}

function formDecode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
