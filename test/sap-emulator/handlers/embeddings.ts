import { z } from 'zod';
import { admitInference, inputOnlyPlan } from '../admit-inference.ts';
import { sendAzureError } from '../answers.ts';
import { findAzureTarget } from '../azure-target.ts';
import { parseJson } from '../chat-request.ts';
import { chooseFaults } from '../choose-faults.ts';
import { readControls } from '../controls.ts';
import { embeddingList, embeddingPrompt } from '../embedding.ts';
import type { EmbeddingInput } from '../embedding.ts';
import type { Caller, Exchange } from '../exchange.ts';
import { fail, isRefusal } from '../failures.ts';
import type { Target } from '../inference-target.ts';
import { replyWhole } from '../reply.ts';

const token = z.int().min(0).max(1_000_000);

const embeddingsRequest = z.strictObject({
  input: z.union([
    z.string().min(1),
    z.array(z.string()).min(1).max(2048),
    z.array(token).min(1),
    z.array(z.array(token).min(1)).min(1).max(2048),
  ]),
  model: z.string().optional(),
  dimensions: z.int().min(1).max(3072).optional(),
  encoding_format: z.enum(['float', 'base64']).optional(),
  user: z.string().optional(),
  input_type: z.string().optional(),
});

/** `POST …/embeddings` of an Azure OpenAI deployment. */
export async function azureEmbeddings(exchange: Exchange, caller: Caller): Promise<void> {
  const target = findAzureTarget(exchange, caller);
  if (target === undefined) {
    return;
  }
  const parsed = embeddingsRequest.safeParse(parseJson(exchange.body)?.value);
  const problem = parsed.success
    ? await embed({ exchange, caller, target, request: parsed.data })
    : (parsed.error.issues[0]?.message ?? 'not valid');
  if (problem !== undefined) {
    sendAzureError(exchange.response, 400, { message: problem, param: 'input' });
  }
}

interface EmbeddingCall {
  exchange: Exchange;
  caller: Caller;
  target: Target;
  request: z.infer<typeof embeddingsRequest>;
}

/** Answers and bills; the answer is why it cannot, if so. */
async function embed({ exchange, caller, target, request }: EmbeddingCall): Promise<string | undefined> {
  if (target.model.kind !== 'embedding') {
    return 'The embeddings operation does not work with the specified model.';
  }
  const inputs = inputList(request.input);
  const text = inputs.filter((input) => typeof input === 'string').join('\n');
  const controls = readControls(text);
  const prompt = 'problem' in controls ? controls.problem : embeddingPrompt(inputs, controls, target.version);
  if ('problem' in controls || typeof prompt === 'string') {
    return String(prompt);
  }
  const faults = chooseFaults({ exchange, caller, target, stream: false, text, controls });
  if (isRefusal(faults) && (await fail(exchange, faults))) {
    return undefined;
  }
  const finish = admitInference({ exchange, caller, target, faults, plan: inputOnlyPlan({ prompt }) });
  if (await fail(exchange, faults)) {
    finish({ usageDelivered: false, clientLeft: exchange.gone.aborted });
    return undefined;
  }
  const withUsage = !faults.has('no-usage');
  const { dimensions, encoding_format: format } = request;
  const value = embeddingList(inputs, {
    model: 'ada', // what SAP's Azure deployments say, whatever the model
    params: { dimensions, encoding_format: format },
    promptTokens: withUsage ? prompt : undefined,
  });
  finish(await replyWhole({ exchange, faults }, { value, withUsage }));
  return undefined;
}

function inputList(input: z.infer<typeof embeddingsRequest>['input']): EmbeddingInput[] {
  if (typeof input === 'string') {
    return [input];
  }
  const tokens = input.filter((item) => typeof item === 'number');
  return tokens.length > 0 ? [tokens] : input.filter((item) => typeof item !== 'number');
}
