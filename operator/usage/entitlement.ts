import { z } from 'zod';
import type { Observation } from '../kube/conditions.ts';
import { NoAnswerError } from '../sap/http-json.ts';
import type { JsonAnswer } from '../sap/http-json.ts';
import { SapError } from '../sap/sap-error.ts';
import { authorizedGet } from './authorized-get.ts';
import type { ApiAccess } from './authorized-get.ts';

const limits = { maxBytes: 8 * 1024 * 1024, timeoutMs: 30_000 };
/** Pages of one list; SAP's have some fifty items. */
const maxPages = 20;
const offeringName = 'aicore';
const neededPlan = 'extended';

const listPage = z.object({
  token: z.string().max(1024).optional(),
  items: z.array(z.object({ id: z.string(), name: z.string() })).max(1000),
});
type Item = z.infer<typeof listPage>['items'][number];

/**
 * Whether the subaccount may use the generative AI hub, by what Service Manager offers there.
 *
 * @throws SapError of Service Manager or of the token endpoint, or the signal's reason
 */
export async function checkEntitlement(access: ApiAccess, signal: AbortSignal): Promise<Observation> {
  const [offering] = await list(access, {
    path: '/service_offerings',
    query: `name eq '${offeringName}'`,
    signal,
  });
  if (offering === undefined)
    return refused(
      'OfferingMissing',
      `Service Manager offers no ${offeringName} in this subaccount: assign the entitlement SAP AI Core, plan ${neededPlan}, to it in the BTP cockpit.`,
    );
  const query = `service_offering_id eq '${offering.id}'`;
  const plans = (await list(access, { path: '/service_plans', query, signal })).map(({ name }) => name);
  if (plans.includes(neededPlan))
    return {
      type: 'Entitled',
      status: 'True',
      reason: 'Entitled',
      message: `The subaccount is entitled to ${offeringName} with plan ${neededPlan}.`,
    };
  const found = plans.length === 0 ? 'no plan' : `only plan ${plans.slice(0, 8).join(', ')}`;
  return refused(
    'PlanMissing',
    `Service Manager offers ${offeringName} with ${found}: the generative AI hub cannot be used with a free, trial or standard plan. Assign plan ${neededPlan} to the subaccount in the BTP cockpit.`,
  );
}

function refused(reason: string, message: string): Observation {
  return { type: 'Entitled', status: 'False', reason, message: message.slice(0, 1024) };
}

async function list(
  access: ApiAccess,
  { path, query, signal }: { path: string; query: string; signal: AbortSignal },
): Promise<Item[]> {
  const items: Item[] = [];
  let token: string | undefined;
  for (let page = 0; page < maxPages; page += 1) {
    const search = new URLSearchParams({ fieldQuery: query, ...(token === undefined ? {} : { token }) });
    const answer = await get(access, `${path}?${search.toString()}`, signal);
    const parsed = listPage.safeParse(answer.body);
    if (answer.status !== 200 || !parsed.success) throw errorOf(access, path, answer);
    items.push(...parsed.data.items);
    token = parsed.data.token;
    if (token === undefined) return items;
  }
  throw new SapError(
    'ServiceManagerAnswerInvalid',
    `${nameOf(access, path)} answers with more than ${maxPages} pages`,
  );
}

async function get(access: ApiAccess, path: string, signal: AbortSignal): Promise<JsonAnswer> {
  try {
    return await authorizedGet(access, { path, limits, signal });
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
    throw new SapError(
      'ServiceManagerUnavailable',
      `${nameOf(access, path)} gives no answer: ${error.message}; check sm_url of the service key and the way out of the cluster`,
    );
  }
}

function errorOf(access: ApiAccess, path: string, { status, problem, retryAfterMs }: JsonAnswer): SapError {
  const name = nameOf(access, path);
  if (status === 200)
    return new SapError(
      'ServiceManagerAnswerInvalid',
      `the answer of ${name} ${problem ?? 'is not a list'}; is sm_url of the service key right, or is a proxy in between?`,
    );
  const answered = `${name} answers HTTP ${status}`;
  if (status === 401 || status === 403)
    return new SapError(
      'ServiceManagerForbidden',
      `${answered}; the service key must be one of Service Manager, plan subaccount-audit or subaccount-admin`,
    );
  return new SapError('ServiceManagerUnavailable', `${answered}; it is tried again`, { retryAfterMs });
}

function nameOf({ key }: ApiAccess, path: string): string {
  return `Service Manager at ${new URL(key.apiUrl).host} (${path.slice(1).split('?')[0] ?? ''})`;
}
