/** Many lease clients in one process, which does what its parent says and answers what came of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Order, type Result, noResult } from '../orders.ts';
import { LeaseClient } from './lease-client.ts';

let clients: LeaseClient[] = [];
let budget = '';
let result = noResult();

async function obey(order: Order): Promise<void> {
  if (order.do === 'start') return start(order);
  if (order.do === 'traffic') return traffic(order);
  if (order.do === 'exhaust') {
    await Promise.all(clients.map((client) => exhaust(client, order)));
    return;
  }
  await Promise.all(clients.map((client) => client.end()));
  clients = [];
}

async function start(order: Extract<Order, { do: 'start' }>): Promise<void> {
  budget = order.budget;
  const { operatorUrl } = order;
  clients = order.clients.map((files) => new LeaseClient(files, { operatorUrl, result }));
  await Promise.all(clients.map((client) => client.ready(budget)));
  await Promise.all(clients.map((client) => client.request(budget, { capacityUnits: 1n, cost: 100n })));
}

/** Requests leave on time; one that waits for a grant keeps none behind it waiting, but for those of its own client. */
async function traffic({ requestsPerSecond, seconds }: Extract<Order, { do: 'traffic' }>): Promise<void> {
  const untilMs = performance.now() + seconds * 1000;
  const underWay: Promise<boolean>[] = [];
  let dueMs = performance.now();
  while (dueMs < untilMs) {
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await delay(waitMs);
    const client = clients[Math.floor(Math.random() * clients.length)];
    if (client !== undefined) underWay.push(client.request(budget, { capacityUnits: 1n, cost: 100n }));
    // Arrivals that know nothing of each other.
    dueMs += (-Math.log(1 - Math.random()) * 1000) / requestsPerSecond;
  }
  await Promise.all(underWay);
}

async function exhaust(
  client: LeaseClient,
  { width, refusals }: Extract<Order, { do: 'exhaust' }>,
): Promise<void> {
  const lane = async (): Promise<void> => {
    let refused = 0;
    while (refused < refusals) {
      const served = await client.request(budget, { capacityUnits: 2n, cost: 25n });
      refused = served ? 0 : refused + 1;
      // About as long as an answer takes: what is reserved meanwhile is nobody's.
      await delay(5);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}

process.on('message', (order: Order) => {
  Object.assign(result, noResult());
  obey(order).then(
    () => process.send?.({ result: structuredClone(result) satisfies Result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
// Nobody is left to tell us to end.
process.on('disconnect', () => process.exit(1));
