import { literalOf, sets, withFirst } from './environment.ts';
import { sidecarOrigin } from './names.ts';
import type { EnvVar } from './pod.ts';

/** What an application's variables are made of. */
export interface ApplicationKeys {
  /** The pod's default budget. */
  budget: string;
  /** The key that it shares with the sidecar alone. */
  appKey: string;
  /** For containers that name none. */
  resourceGroup: string;
}

/** What SAP's SDKs want in every place of a key where the sidecar has nothing to say. */
const placeholder = 'sap-ai-budget';

/**
 * The variables of an application's container, with those that lead its clients to the sidecar in front. SAP's variables are ours
 * whatever the container said: its own would lead past the budget. Its own resource group stays, and so do its own OpenAI address
 * and key, which may mean somebody else's service.
 */
export function applicationEnv(env: readonly EnvVar[], keys: ApplicationKeys): EnvVar[] {
  const openAi = openAiPair(keys);
  const optional = [...(isElsewhere(env, openAi) ? [] : openAi), ...resourceGroup(env, keys)];
  return withFirst(env, [...sapVariables(keys), ...optional]);
}

function sapVariables({ budget, appKey }: ApplicationKeys): EnvVar[] {
  const clientId = `${budget}.${appKey}`;
  const serviceKey = {
    clientid: clientId,
    clientsecret: appKey,
    url: sidecarOrigin,
    identityzone: placeholder,
    identityzoneid: placeholder,
    appname: placeholder,
    serviceurls: { AI_API_URL: sidecarOrigin },
  };
  return [
    { name: 'AICORE_SERVICE_KEY', value: JSON.stringify(serviceKey) },
    { name: 'AICORE_AUTH_URL', value: `${sidecarOrigin}/oauth/token` },
    { name: 'AICORE_BASE_URL', value: `${sidecarOrigin}/v2` },
    { name: 'AICORE_CLIENT_ID', value: clientId },
    { name: 'AICORE_CLIENT_SECRET', value: appKey },
  ];
}

function resourceGroup(env: readonly EnvVar[], keys: ApplicationKeys): EnvVar[] {
  const name = 'AICORE_RESOURCE_GROUP';
  return sets(env, name) ? [] : [{ name, value: keys.resourceGroup }];
}

/** Address and key of OpenAI's clients. A pair: one of ours with one of theirs would send a key where it does not belong. */
function openAiPair({ budget, appKey }: ApplicationKeys): [EnvVar, EnvVar] {
  return [
    { name: 'OPENAI_BASE_URL', value: `${sidecarOrigin}/v1` },
    { name: 'OPENAI_API_KEY', value: `${budget}.${appKey}` },
  ];
}

/** Whether the container has an address or a key of its own. */
function isElsewhere(env: readonly EnvVar[], [address, key]: [EnvVar, EnvVar]): boolean {
  if (!sets(env, address.name) && !sets(env, key.name)) return false;
  return literalOf(env, address.name) !== address.value;
}
