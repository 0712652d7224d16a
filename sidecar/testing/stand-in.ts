import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { closeServer } from '../listen.ts';
import { type Stage, type StageOptions, startStage } from './stage.ts';

/** A stage in front of a stand-in for SAP, for answers that the emulator has not; both end with its `close`. */
export async function startWithSap(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  options: StageOptions = {},
): Promise<Stage> {
  const sap = createServer(handle).listen(0, '127.0.0.1');
  await once(sap, 'listening');
  const address = sap.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const budget = { ...options.budget, apiUrl: `http://127.0.0.1:${port}/v2` };
  const stage = await startStage({ ...options, budget });
  const closeStage = stage.close.bind(stage);
  const close = async (): Promise<void> => {
    await closeStage();
    await closeServer(sap);
  };
  return Object.assign(stage, { close });
}
