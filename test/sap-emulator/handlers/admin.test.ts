import { request as httpRequest } from 'node:http';
import { describe, expect, test } from 'vitest';
import { ask, launch } from '../test-client.ts';

describe('the admin API', () => {
  test('shows captured requests without their secrets', async () => {
    const { emulator, client } = await launch();
    await (await client.chat(ask('look here'), { headers: { 'x-mark': 'seen' } })).text();
    const text = await (await fetch(`${emulator.url}/__emulator/requests`)).text();
    const { clientsecret } = emulator.serviceKey();
    expect(text).not.toContain(clientsecret);
    expect(text).not.toContain(encodeURIComponent(clientsecret));
    expect(text).not.toContain('eyJ');
    expect(JSON.parse(text)).toMatchObject({
      counts: { token: 1, chat: 1 },
      requests: [
        { route: 'token', body: expect.stringContaining('client_secret=sha256:') },
        {
          route: 'chat',
          method: 'POST',
          headers: { 'x-mark': 'seen' },
          body: expect.stringContaining('look here'),
        },
      ],
    });
  });

  test('hands out the service keys', async () => {
    const { emulator } = await launch();
    const answer: unknown = await (await fetch(`${emulator.url}/__emulator/service-keys`)).json();
    expect(answer).toEqual({
      serviceKeys: [emulator.serviceKey(0), emulator.serviceKey(1)],
      serviceManagerKeys: [emulator.serviceManagerKey(0), emulator.serviceManagerKey(1)],
      usageKey: emulator.usageKey(),
    });
  });

  test('refuses a query or a rule it does not understand', async () => {
    const { emulator } = await launch();
    expect((await fetch(`${emulator.url}/__emulator/books?since=yesterday`)).status).toBe(400);
    const response = await fetch(`${emulator.url}/__emulator/faults`, {
      method: 'POST',
      body: '{"fault":"typo"}',
    });
    expect(response.status).toBe(400);
  });

  test('serves a client that gives no port in its Host header', async () => {
    const { emulator } = await launch();
    const status = await new Promise((resolve, reject) => {
      const { hostname, port } = new URL(emulator.url);
      const outgoing = httpRequest({
        hostname,
        port,
        path: '/__emulator/books',
        headers: { host: '127.0.0.1' },
      });
      outgoing.on('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
    expect(status).toBe(200);
  });
});
