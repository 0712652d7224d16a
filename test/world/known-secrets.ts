import { z } from 'zod';
import type { ControlPlaneAccess } from '../control-plane/access.ts';
import type { Verdict } from './comparison.ts';
import { objectsOf, type Place, type Secret, searchSecrets } from './secret-search.ts';
import { subscription } from './budgets.ts';
import { operatorNamespace } from './names.ts';

/** Every token of the emulator begins so; a multiple of three bytes, so that base64 of a token does as well. */
const accessTokenStart = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'JWT', kid: 'emulator' }))
  .toString('base64url')
  .slice(0, 54);
const certificates = z.object({ data: z.record(z.string(), z.string()) });

/** Looks for SAP's and our own secrets wherever a workload or an onlooker can look, and for a planted one. */
export async function searchEverywhere(
  controlPlane: ControlPlaneAccess,
  { namespaces, places: own }: { namespaces: string[]; places: Place[] },
): Promise<Verdict[]> {
  const secrets = await knownSecrets(controlPlane);
  const places = [...(await objectsOf(controlPlane, namespaces)), ...own];
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
async function knownSecrets(controlPlane: ControlPlaneAccess): Promise<Secret[]> {
  const path = `/api/v1/namespaces/${operatorNamespace}/secrets/sap-ai-budget-certificates`;
  const { data } = certificates.parse((await controlPlane.call({ path })).body);
  const keys = Object.entries(data)
    .map(([name, value]) => ({ name, value: Buffer.from(value, 'base64').toString('utf8') }))
    .filter(({ value }) => value.includes('PRIVATE KEY'));
  if (keys.length === 0) throw new Error('there are no private keys to search for');
  return [
    { name: 'client secret', value: subscription.clientSecret },
    // The emulator's other subscription.
    { name: 'another client secret', value: subscription.clientSecret.replace('1', '2') },
    ...keys,
    { name: 'SAP access token', value: accessTokenStart },
  ];
}
