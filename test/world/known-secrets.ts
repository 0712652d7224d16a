import { z } from 'zod';
import type { Application } from './application.ts';
import type { Verdict } from './comparison.ts';
import { filesOf, objectsOf, type Place, type Secret, searchSecrets } from './secret-search.ts';
import { subscription } from './budgets.ts';
import { operatorNamespace, type Workload, type World } from './world.ts';

/** Every token of the emulator begins so; a multiple of three bytes, so that base64 of a token does as well. */
const accessTokenStart = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'JWT', kid: 'emulator' }))
  .toString('base64url')
  .slice(0, 54);
const certificates = z.object({ data: z.record(z.string(), z.string()) });

/** Looks for SAP's and our own secrets wherever a workload or an onlooker can look, and for a planted one. */
export async function searchEverywhere(
  world: World,
  {
    workload,
    application,
    namespaces,
  }: { workload: Workload; application: Application; namespaces: string[] },
): Promise<Verdict[]> {
  const secrets = await knownSecrets(world);
  const places: Place[] = [
    ...(await objectsOf(world.controlPlane, namespaces)),
    ...(await filesOf(workload.sidecar.journalDir)),
    { name: 'environment of the application', text: JSON.stringify(application.env) },
    { name: 'output of the application', text: application.output },
    { name: 'log of the operator', text: await world.programs.log('operator') },
    { name: 'log of the sidecar', text: await world.programs.log(workload.sidecar.program) },
  ];
  const findings = searchSecrets(secrets, places);
  const planted = searchSecrets(secrets, [
    { name: 'planted', text: `x=${encodeURIComponent(subscription.clientSecret)}` },
  ]);
  return [
    {
      rule: `secrets (${secrets.length}) found in objects, logs, environment, journal (${places.length} places)`,
      found:
        findings.map(({ secret, place, form }) => `${secret} (${form}) in ${place}`).join('; ') || 'none',
      holds: findings.length === 0,
    },
    { rule: 'a planted secret is found', found: `${planted.length} times`, holds: planted.length > 0 },
  ];
}

/** The client secret, the private keys of the operator, and what every access token of the emulator begins with. */
async function knownSecrets(world: World): Promise<Secret[]> {
  const path = `/api/v1/namespaces/${operatorNamespace}/secrets/sap-ai-budget-certificates`;
  const { data } = certificates.parse((await world.controlPlane.call({ path })).body);
  const keys = Object.entries(data)
    .map(([name, value]) => ({ name, value: Buffer.from(value, 'base64').toString('utf8') }))
    .filter(({ value }) => value.includes('PRIVATE KEY'));
  if (keys.length === 0) throw new Error('there are no private keys to search for');
  return [
    { name: 'client secret', value: subscription.clientSecret },
    ...keys,
    { name: 'SAP access token', value: accessTokenStart },
  ];
}
