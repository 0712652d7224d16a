/**
 * An application of SAP's SDK that is told what to call: reads one call a line from standard input and writes one
 * result a line; it ends with its input.
 */
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { call, type CallResult } from './application.ts';
import { callWithSap } from './call-with-sap.ts';

const line = call.extend({ id: z.int() });

createInterface({ input: process.stdin }).on('line', (text) => {
  void answer(line.parse(JSON.parse(text)));
});

async function answer({ id, ...wanted }: z.infer<typeof line>): Promise<void> {
  const result: CallResult = { id, call: wanted, ...(await callWithSap(wanted)) };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
