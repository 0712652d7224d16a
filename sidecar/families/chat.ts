import { boundChatRequest, limitField } from '../../accounting/chat-bound.ts';
import { usageOfOpenAiChat } from '../../accounting/usage.ts';
import { hasContent } from '../content.ts';
import { ChatMeter } from '../streams/chat-meter.ts';
import type { Family } from './family.ts';
import { requireModel } from './require-model.ts';
import { requireBound } from './refused-bound.ts';
import { asksForUsage, withUsage } from './stream-options.ts';

/** Chat completions of Azure OpenAI deployments. */
export const chat: Family = {
  surface: 'openai',
  path: 'chat/completions',
  executables: ['azure-openai'],
  outline: (body, { catalogue, deployment }) => {
    const model = requireModel(catalogue, catalogue.model(deployment));
    const bound = requireBound(boundChatRequest(body, { contextLength: model.contextLength }));
    const { inputTokens, choices, outputLimit, certainty } = bound;
    const field = outputLimit?.field ?? limitField(model.model);
    return {
      attempts: [{ model, inputTokens, choices, output: { field, limit: outputLimit?.tokens } }],
      certainty,
      usageWanted: asksForUsage(body['stream_options']),
      write: ([limit]) => ({
        ...body,
        ...(limit !== undefined && { [field]: limit }),
        ...(body['stream'] === true && { stream_options: withUsage(body['stream_options']) }),
      }),
    };
  },
  readUsage: usageOfOpenAiChat,
  readAnswer: ({ usage, choices }) => ({ usage, hasContent: hasContent(choices) }),
  createMeter: (options) => new ChatMeter(options),
  annotate: (text) => text,
};
