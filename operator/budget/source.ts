import type { SapAiBudget } from '../../crds/budget.ts';
import { aiCoreOf } from './root-spec.ts';
import { fingerprint } from '../sap/service-key.ts';
import type { ServiceKey } from '../sap/service-key.ts';

/** Tells whether something was read with this key from these resource groups: what was read otherwise is not used. */
export function sourceOf({ spec }: Pick<SapAiBudget, 'spec'>, key: ServiceKey): string {
  return [fingerprint(key), ...aiCoreOf(spec).resourceGroups].join(' ');
}

/** What is added to why SAP cannot be read, where no answer is known that could be gone on with. */
export const nothingKnown =
  'This operator has not read models and prices since it started, and they are stored nowhere: requests are refused until SAP answers.';
