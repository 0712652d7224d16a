import { describe, expect, test } from 'vitest';
import { launch, requestToken } from '../test-client.ts';

describe('the token endpoint', () => {
  test('answers a JWT that names the tenant and when it ends', async () => {
    const { emulator } = await launch();
    const answer: unknown = await (await requestToken(emulator)).json();
    expect(answer).toMatchObject({ token_type: 'bearer', expires_in: 7199 });
    const token = String(Reflect.get(Object(answer), 'access_token'));
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({
      client_id: emulator.serviceKey().clientid,
      zid: emulator.serviceKey().identityzoneid,
      ext_attr: { zdn: 'acme-dev', serviceinstanceid: expect.any(String) },
    });
  });

  test('takes the credentials as Basic authorization too', async () => {
    const { emulator } = await launch();
    const { url, clientid, clientsecret } = emulator.serviceKey();
    const response = await fetch(`${url}/oauth/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${clientid}:${clientsecret}`)}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    expect(response.status).toBe(200);
  });

  test.each([
    {
      form: { grant_type: 'client_credentials', client_id: 'nobody', client_secret: 'x' },
      status: 401,
      error: 'invalid_client',
    },
    {
      form: { grant_type: 'client_credentials', client_id: 'KEY', client_secret: 'x' },
      status: 401,
      error: 'unauthorized',
    },
    { form: { grant_type: 'password' }, status: 400, error: 'unsupported_grant_type' },
    { form: {}, status: 400, error: 'invalid_request' },
  ])('answers $status $error to $form', async ({ form, status, error }) => {
    const { emulator } = await launch();
    const text = new URLSearchParams(form)
      .toString()
      .replace('KEY', encodeURIComponent(emulator.serviceKey().clientid));
    const response = await fetch(`${emulator.url}/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: text,
    });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error });
  });
});
