import { admitInference } from './admit-inference.ts';
import type { Inference } from './admit-inference.ts';
import { frameOf } from './chat-answer.ts';
import { countPrompt, planChat } from './chat-plan.ts';
import { checkChatValue, checkSize, messageText } from './chat-request.ts';
import type { ChatRequest } from './chat-request.ts';
import { chooseFaults } from './choose-faults.ts';
import type { Deployment } from './config.ts';
import { readControls } from './controls.ts';
import type { Controls } from './controls.ts';
import type { Caller, Exchange } from './exchange.ts';
import type { FaultName } from './fault-names.ts';
import { findModel, findVersion } from './inference-target.ts';
import type { Target } from './inference-target.ts';
import type { OrchestrationFrame } from './orchestration-answer.ts';
import { describeFailure } from './orchestration-failure.ts';
import type { AttemptFailure } from './orchestration-failure.ts';
import type { Completion, Modules } from './orchestration-request.ts';
import { renderMessages } from './templating.ts';

/** A request and who sent it where. */
export interface OrchestrationCall {
  exchange: Exchange;
  caller: Caller;
  deployment: Deployment;
  request: Completion;
}

/** What came of one entry of the list. */
export type Attempt =
  | { kind: 'ready'; inference: Inference; frame: Omit<OrchestrationFrame, 'failures'> }
  /** `passes`: the next entry of the list is tried. */
  | { kind: 'failed'; failure: AttemptFailure; passes: boolean; templated: readonly unknown[] };

interface Prepared {
  target: Target;
  chat: ChatRequest;
  controls: Controls;
  prompt: number;
  templated: readonly unknown[];
}

/** What a provider answers when it fails, and whether it may have run the model for it. */
const providerFaults: readonly (readonly [FaultName, number, boolean])[] = [
  ['http-400', 400, false],
  ['http-401', 401, false],
  ['http-403', 403, false],
  ['throttled', 429, false],
  ['throttled-date', 429, false],
  ['http-503', 503, false],
  ['http-500', 500, true],
  ['http-502', 502, true],
  ['http-504', 504, true],
];

/** Tries one entry, with the retries it asks for. Every try that may have run a model is billed. */
export function attemptEntry(call: OrchestrationCall, entry: Modules): Attempt {
  const prepared = prepare(call, entry);
  if ('failure' in prepared) {
    return { kind: 'failed', templated: [], ...prepared };
  }
  const { exchange, caller } = call;
  const { target, chat, controls, prompt, templated } = prepared;
  const stream = chat.stream === true;
  const text = messageText(chat);
  const tries = 1 + entry.prompt_templating.model.max_retries;
  let status = 500;
  for (let index = 0; index < tries; index += 1) {
    const faults = chooseFaults({ exchange, caller, target, stream, text, controls });
    const plan = planChat({ request: chat, controls, faults, ...target }, prompt);
    const inference = { exchange, caller, target, faults, plan };
    const failed = providerFaults.find(([name]) => faults.has(name));
    if (failed === undefined) {
      return {
        kind: 'ready',
        inference,
        frame: { requestId: exchange.requestId, templated, frame: frameOf(exchange, target) },
      };
    }
    status = failed[1];
    if (failed[2]) {
      admitInference(inference)({ usageDelivered: false, clientLeft: false });
    }
  }
  return {
    kind: 'failed',
    failure: providerFailure(exchange, status),
    passes: !stream && (status === 429 || status >= 500),
    templated,
  };
}

function providerFailure(exchange: Exchange, code: number): AttemptFailure {
  const text = code === 429 ? 'rate limit' : 'the model could not answer';
  const headers = code === 429 ? { 'x-retry-after': '30' } : undefined;
  return describeFailure(exchange, {
    code,
    location: 'LLM Module',
    text,
    ...(headers === undefined ? {} : { headers }),
  });
}

type Unprepared = { failure: AttemptFailure; passes: boolean; templated?: readonly unknown[] };

function prepare(call: OrchestrationCall, entry: Modules): Prepared | Unprepared {
  const { exchange, deployment, request } = call;
  const wanted = entry.prompt_templating.model;
  const model = findModel(exchange.world.config, wanted.name);
  const fail = (location: string, text: string, passes = false): Unprepared => ({
    failure: describeFailure(exchange, { code: 400, location, text }),
    passes,
  });
  if (model === undefined || model.kind === 'embedding') {
    return fail('Request Body', `Model ${wanted.name} not supported.`, true);
  }
  const rendered = renderMessages(request, entry);
  if ('missing' in rendered) {
    return fail('Module: Templating', `Missing required parameters: ['${rendered.missing.join("', '")}']`);
  }
  const { messages, templated } = rendered;
  const version = findVersion(model, wanted.version);
  if (version === undefined) {
    const text = `Model ${wanted.name} in version ${wanted.version} not found.`;
    return { ...fail('LLM Module', text, true), templated };
  }
  const target = { deployment, model, version };
  const checked = checkChatValue(chatBody(request, entry, messages), model);
  const problem = 'refusal' in checked ? checked.refusal.message : undefined;
  if ('refusal' in checked) {
    return { ...fail('LLM Module', problem ?? ''), templated };
  }
  const counted = countWithControls(checked.request, target);
  return 'problem' in counted
    ? { ...fail('LLM Module', counted.problem), templated }
    : { target, chat: checked.request, templated, ...counted };
}

/** The request that goes to the model. */
function chatBody(
  { config }: Completion,
  { prompt_templating: { prompt, model } }: Modules,
  messages: readonly unknown[],
): Record<string, unknown> {
  const { stream_options: options, ...params } = model.params;
  const enabled = config.stream?.enabled === true;
  const rest = 'template' in prompt ? { tools: prompt.tools, response_format: prompt.response_format } : {};
  const set = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return {
    ...params,
    ...set,
    messages,
    ...(enabled ? { stream: true, ...(options === undefined ? {} : { stream_options: options }) } : {}),
  };
}

function countWithControls(
  request: ChatRequest,
  { version }: Target,
): { controls: Controls; prompt: number } | { problem: string } {
  const controls = readControls(messageText(request));
  if ('problem' in controls) {
    return controls;
  }
  const prompt = countPrompt(request, controls);
  if (typeof prompt !== 'number') {
    return { problem: prompt.message };
  }
  const refusal = checkSize(request, version, prompt);
  return refusal === undefined ? { controls, prompt } : { problem: refusal.message };
}
