import { limitField } from '../../accounting/chat-bound.ts';
import { mayHaveRun, usageMember, usageOfOrchestration } from '../../accounting/orchestration-answer.ts';
import { boundOrchestrationRequest } from '../../accounting/orchestration-bound.ts';
import { withCapacityUnits } from '../capacity-units.ts';
import { hasContent } from '../content.ts';
import { isRecord } from '../record.ts';
import { OrchestrationMeter } from '../streams/orchestration-meter.ts';
import type { AttemptOutline, Family } from './family.ts';
import { requireBound } from './refused-bound.ts';
import { requireModel } from './require-model.ts';
import { asksForUsage, withUsage } from './stream-options.ts';

/** Completions through orchestration, with every model SAP offers. */
export const orchestration: Family = {
  surface: 'orchestration',
  path: 'v2/completion',
  executables: ['orchestration'],
  outline: (body, { catalogue }) => {
    const lookUp = ({ model, version }: { model: string; version: string }) =>
      requireModel(catalogue, catalogue.modelByName(model, version));
    const bound = requireBound(
      boundOrchestrationRequest(body, { contextLengthOf: (named) => lookUp(named).contextLength }),
    );
    const attempts = bound.attempts.map(({ inputTokens, choices, outputLimit, ...named }) => ({
      model: lookUp(named),
      inputTokens,
      choices,
      output: { field: outputLimit?.field ?? limitField(named.model), limit: outputLimit?.tokens },
    }));
    return {
      attempts,
      certainty: bound.attempts.every(({ certainty }) => certainty === 'proved') ? 'proved' : 'assumed',
      usageWanted: moduleList(body).some((entry) => asksForUsage(paramsOf(entry)['stream_options'])),
      write: (limits) => bodyToSend(body, { attempts, limits, stream: bound.stream }),
    };
  },
  readUsage: usageOfOrchestration,
  readAnswer: (answer) => {
    const final = answer['final_result'];
    const failures = answer['intermediate_failures'];
    return {
      usage: usageMember(answer),
      hasContent: isRecord(final) && hasContent(final['choices']),
      fallback: {
        model: isRecord(final) && typeof final['model'] === 'string' ? final['model'] : undefined,
        failures: Array.isArray(failures) ? failures.length : 0,
        mayHaveCostMore: mayHaveRun(failures),
      },
    };
  },
  createMeter: (options) => new OrchestrationMeter(options),
  annotate: withCapacityUnits,
};

interface Sending {
  readonly attempts: readonly Pick<AttemptOutline, 'output'>[];
  readonly limits: readonly (number | undefined)[];
  readonly stream: boolean;
}

/** With limits and usage, and without the service's own retries: each would cost again, and nobody would hear of it. */
function bodyToSend(body: Record<string, unknown>, sending: Sending): Record<string, unknown> {
  const config = isRecord(body['config']) ? body['config'] : {};
  const entries = moduleList(body).map((entry, index) => entryToSend(entry, index, sending));
  return {
    ...body,
    config: { ...config, modules: Array.isArray(config['modules']) ? entries : entries[0] },
  };
}

function entryToSend(
  entry: Record<string, unknown>,
  index: number,
  { attempts, limits, stream }: Sending,
): Record<string, unknown> {
  const templating = isRecord(entry['prompt_templating']) ? entry['prompt_templating'] : {};
  const model = isRecord(templating['model']) ? templating['model'] : {};
  const given = paramsOf(entry);
  const field = attempts[index]?.output?.field;
  const limit = limits[index];
  const params = {
    ...given,
    ...(field !== undefined && limit !== undefined && { [field]: limit }),
    ...(stream && { stream_options: withUsage(given['stream_options']) }),
  };
  return { ...entry, prompt_templating: { ...templating, model: { ...model, params, max_retries: 0 } } };
}

function moduleList(body: Record<string, unknown>): Record<string, unknown>[] {
  const modules = isRecord(body['config']) ? body['config']['modules'] : undefined;
  return (Array.isArray(modules) ? modules : [modules]).filter(isRecord);
}

function paramsOf(entry: Record<string, unknown>): Record<string, unknown> {
  const templating = entry['prompt_templating'];
  const model = isRecord(templating) ? templating['model'] : undefined;
  const params = isRecord(model) ? model['params'] : undefined;
  return isRecord(params) ? params : {};
}
