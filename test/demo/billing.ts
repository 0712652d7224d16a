import { join } from 'node:path';
import { z } from 'zod';
import { eventually } from '../control-plane/eventually.ts';
import type { Verdict } from '../world/comparison.ts';
import type { Entry } from '../world/emulator.ts';
import { decimalText, exact, nano, sum } from '../world/exact.ts';
import type { InstalledWorld } from '../world/installed-world.ts';
import { checkout } from '../world/programs.ts';
import { budgetName, entriesOf, type SpentTeam, teams } from './team.ts';

const statements = z.object({
  items: z.array(
    z.object({
      status: z
        .object({ totals: z.object({ metered: z.string(), billed: z.string(), unattributed: z.string() }) })
        .optional(),
    }),
  ),
});

/** Somebody calls past the sidecar; then SAP closes the day, and the operator is asked to poll. */
export async function billTheDay(world: InstalledWorld, [bypassed]: readonly SpentTeam[]): Promise<Entry> {
  if (!bypassed) throw new Error('there is no team to bypass');
  const { namespace } = bypassed.team;
  await world.kubectl(['apply', '-n', namespace, '-f', join(checkout, 'examples', 'demo', 'bypass.yaml')]);
  await world.kubectl(['wait', '-n', namespace, '--for=condition=complete', 'job/bypass', '--timeout=40s']);
  const known = new Set(bypassed.evidence.billed.map(({ requestId }) => requestId));
  const unknown = (await entriesOf(world, bypassed.team)).filter(({ requestId }) => !known.has(requestId));
  const [call] = unknown;
  if (!call || unknown.length > 1) throw new Error(`${unknown.length} calls past the sidecar, not one`);
  await world.emulator.closeDay();
  for (const team of teams)
    await world.kubectl([
      'annotate',
      'saib',
      '-n',
      team.namespace,
      budgetName,
      'sapai.eerly.ai/poll-usage=now',
    ]);
  return call;
}

/** What SAP bills is in the statement to the nano-CU, and what nobody metered is in it as unattributed. */
export async function judgeStatement(
  world: InstalledWorld,
  { team, ledger }: SpentTeam,
  bypass: Entry,
): Promise<Verdict[]> {
  const entries = await entriesOf(world, team);
  const billed = sum(entries.map(({ capacityUnits }) => exact(capacityUnits)));
  const totals = await eventually(
    async () => {
      const path = `/apis/sapai.eerly.ai/v1alpha1/namespaces/${team.namespace}/sapaistatements`;
      const [statement] = statements.parse((await world.controlPlane.call({ path })).body).items;
      const found = statement?.status?.totals;
      return found && exact(found.billed) > 0n ? found : undefined;
    },
    { what: `the statement of ${team.namespace}`, timeoutMs: 60_000 },
  );
  const off = exact(totals.billed) - billed;
  const unattributed = exact(totals.billed) - exact(totals.metered);
  const known = entries.some(({ requestId }) => requestId === bypass.requestId)
    ? exact(bypass.capacityUnits)
    : 0n;
  return [
    {
      rule: `${team.namespace}: billed in the statement = SAP's books, to a nano-CU a line`,
      found: `${totals.billed} / ${decimalText(billed)} CU`,
      holds: off > -nano * 8n && off < nano * 8n,
    },
    {
      rule: `${team.namespace}: metered in the statement = settled in the ledger`,
      found: `${totals.metered} / ${ledger.settled} CU`,
      holds: totals.metered === ledger.settled,
    },
    {
      rule: `${team.namespace}: unattributed = billed − metered, calls past the sidecar (${decimalText(known)} CU) included`,
      found: `${totals.unattributed} CU`,
      holds: exact(totals.unattributed) === unattributed && unattributed >= known,
    },
  ];
}
