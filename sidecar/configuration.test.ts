import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { ConfigurationRequest } from '../accounting/configuration-messages.ts';
import { schemaVersion } from '../accounting/message-parts.ts';
import { Configuration } from './configuration.ts';
import { until } from './testing/stage.ts';

test('a configuration that could not be taken over is fetched again', async () => {
  const seen: (string | undefined)[] = [];
  let changes = 0;
  const configuration = new Configuration({
    client: {
      configuration: async (request: ConfigurationRequest, signal: AbortSignal) => {
        seen.push(request.seen);
        if (request.seen === undefined) return { schema: schemaVersion, etag: 'one', budgets: [] };
        const { promise, reject } = Promise.withResolvers<never>();
        signal.addEventListener('abort', () => reject(signal.reason));
        return promise;
      },
    },
    log: pino({ level: 'silent' }),
    onRecall: () => undefined,
    onChange: () => {
      changes += 1;
      if (changes < 3) throw new Error('a fault of the one who takes it over');
    },
  });
  const end = new AbortController();
  const run = configuration.run(end.signal);
  await until(() => seen.includes('one'));
  expect([changes, seen]).toEqual([3, [undefined, undefined, undefined, 'one']]);
  end.abort();
  await run;
});
