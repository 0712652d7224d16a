import { expect, test } from 'vitest';
import { createLog } from './log.ts';

test('a line has the level by name and the time as ISO 8601, as those of the operator', () => {
  const lines: string[] = [];
  const log = createLog('info', { write: (line) => lines.push(line) });
  log.info({ port: 1 }, 'one');
  log.debug('not at this level');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      program: 'sidecar',
      port: 1,
      msg: 'one',
    },
  ]);
});
