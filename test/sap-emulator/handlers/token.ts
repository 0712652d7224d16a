import { sendJson, sendTokenError } from '../answers.ts';
import type { Exchange } from '../exchange.ts';
import { fail } from '../failures.ts';

/** `POST /oauth/token`: client credentials, in the body or as Basic authorization. */
export async function issueToken(exchange: Exchange): Promise<void> {
  const { world, response } = exchange;
  const form = new URLSearchParams(exchange.body.toString('utf8'));
  const given = readBasic(exchange.request.headers.authorization) ?? readForm(form);
  const faults = world.faultRules.choose({ route: exchange.route, clientId: given.clientId });
  if (await fail(exchange, faults)) {
    return;
  }
  if (faults.has('wrong-grant')) {
    sendTokenError(response, 401, 'unauthorized_client', 'Unauthorized grant type: client_credentials');
    return;
  }
  const problem = checkGrant(form.get('grant_type'));
  if (problem !== undefined) {
    sendTokenError(response, 400, problem.error, problem.description);
    return;
  }
  const client = world.clients.find((one) => one.clientId === given.clientId);
  if (client === undefined || client.clientSecret !== given.clientSecret) {
    const error = client === undefined ? 'invalid_client' : 'unauthorized';
    sendTokenError(response, 401, error, 'Bad credentials');
    return;
  }
  sendJson(response, 200, world.accessTokens.issue(client), {
    headers: { 'cache-control': 'no-store' },
    truncate: faults.has('truncated-json'),
  });
}

interface Credentials {
  clientId: string;
  clientSecret: string;
}

function checkGrant(grantType: string | null): { error: string; description: string } | undefined {
  if (grantType === null) {
    return { error: 'invalid_request', description: 'Missing grant type' };
  }
  return grantType === 'client_credentials'
    ? undefined
    : { error: 'unsupported_grant_type', description: `Unsupported grant type: ${grantType.slice(0, 64)}` };
}

function readForm(form: URLSearchParams): Credentials {
  return { clientId: form.get('client_id') ?? '', clientSecret: form.get('client_secret') ?? '' };
}

function readBasic(header: string | undefined): Credentials | undefined {
  const match = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header ?? '');
  if (match?.[1] === undefined) {
    return undefined;
  }
  const text = Buffer.from(match[1], 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { clientId: text.slice(0, colon), clientSecret: text.slice(colon + 1) };
}
