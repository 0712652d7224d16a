import { boundEmbeddingsRequest, boundOrchestrationEmbeddings } from '../../accounting/embeddings-bound.ts';
import { usageMember, usageOfEmbeddings } from '../../accounting/orchestration-answer.ts';
import { PassingMeter } from '../streams/passing-meter.ts';
import { withCapacityUnits } from '../capacity-units.ts';
import { isRecord } from '../record.ts';
import type { Family } from './family.ts';
import { requireBound } from './refused-bound.ts';
import { requireModel } from './require-model.ts';

/** Embeddings of Azure OpenAI deployments. */
export const embeddings: Family = {
  surface: 'openai',
  path: 'embeddings',
  executables: ['azure-openai'],
  outline: (body, { catalogue, deployment }) => {
    const model = requireModel(catalogue, catalogue.model(deployment));
    const bound = requireBound(boundEmbeddingsRequest(body, { contextLength: model.contextLength }));
    const { inputTokens, certainty } = bound;
    return {
      attempts: [{ model, inputTokens, choices: 1 }],
      certainty,
      usageWanted: true,
      write: () => body,
    };
  },
  readUsage: usageOfEmbeddings,
  readAnswer: ({ usage }) => ({ usage }),
  createMeter: () => new PassingMeter(),
  annotate: (text) => text,
};

/** Embeddings through orchestration. */
export const orchestrationEmbeddings: Family = {
  surface: 'orchestration',
  path: 'v2/embeddings',
  executables: ['orchestration'],
  outline: (body, { catalogue }) => {
    const contextLengthOf = ({ model, version }: { model: string; version: string }) =>
      requireModel(catalogue, catalogue.modelByName(model, version)).contextLength;
    const bound = requireBound(boundOrchestrationEmbeddings(body, { contextLengthOf }));
    const model = requireModel(catalogue, catalogue.modelByName(bound.model, bound.version));
    return {
      attempts: [{ model, inputTokens: bound.inputTokens, choices: 1 }],
      certainty: bound.certainty,
      usageWanted: true,
      write: () => withoutRetries(body),
    };
  },
  readUsage: usageOfEmbeddings,
  readAnswer: (answer) => ({ usage: usageMember(answer) }),
  createMeter: () => new PassingMeter(),
  annotate: withCapacityUnits,
};

/** A retry of the service itself would cost again, and nobody would hear of it. */
function withoutRetries(body: Record<string, unknown>): Record<string, unknown> {
  const config = member(body, 'config');
  const modules = member(config, 'modules');
  const module = member(modules, 'embeddings');
  const model = { ...member(module, 'model'), max_retries: 0 };
  return { ...body, config: { ...config, modules: { ...modules, embeddings: { ...module, model } } } };
}

function member(record: Record<string, unknown>, name: string): Record<string, unknown> {
  const value = record[name];
  return isRecord(value) ? value : {};
}
