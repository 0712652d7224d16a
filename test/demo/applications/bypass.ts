/** Calls AI Core with the service key itself, as a script on somebody's laptop would. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const serviceKey = z.object({
  clientid: z.string(),
  clientsecret: z.string(),
  url: z.string(),
  serviceurls: z.object({ AI_API_URL: z.string() }),
});
const token = z.object({ access_token: z.string() });

const file = process.env.KEY_FILE ?? '';
const key = serviceKey.parse(JSON.parse(readFileSync(file, 'utf8')));
const form = { grant_type: 'client_credentials', client_id: key.clientid, client_secret: key.clientsecret };
const given = await fetch(`${key.url}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) });
const { access_token: accessToken } = token.parse(await given.json());

const deployment = `${key.serviceurls.AI_API_URL}/v2/inference/deployments/d000000000000003`;
const answer = await fetch(`${deployment}/chat/completions?api-version=2024-10-21`, {
  method: 'POST',
  headers: {
    authorization: `Bearer ${accessToken}`,
    'ai-resource-group': 'default',
    'content-type': 'application/json',
  },
  body: JSON.stringify({ messages: [{ role: 'user', content: 'Nobody meters this. [[out=500]]' }] }),
});
process.stdout.write(
  `${JSON.stringify({ status: answer.status, requestId: answer.headers.get('x-request-id') })}\n`,
);
