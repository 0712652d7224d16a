/** An application of SAP's own SDK: nothing but its environment points at the sidecar. */
import { z } from 'zod';
import { callWithSap } from '../../world/call-with-sap.ts';
import { spendAndStay } from './spender.ts';

const serviceKey = z.object({ url: z.string(), clientid: z.string() });
const { url, clientid } = serviceKey.parse(JSON.parse(process.env.AICORE_SERVICE_KEY ?? '{}'));

await spendAndStay(callWithSap, { origin: url, key: clientid });
