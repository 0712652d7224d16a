import { admitInference, inputOnlyPlan } from '../admit-inference.ts';
import { sendAiApiError } from '../answers.ts';
import type { Ending } from '../books.ts';
import { chooseFaults } from '../choose-faults.ts';
import type { Deployment } from '../config.ts';
import { readControls } from '../controls.ts';
import { embeddingList, embeddingPrompt } from '../embedding.ts';
import type { Caller, Exchange } from '../exchange.ts';
import { fail, isRefusal } from '../failures.ts';
import { findDeployment, findModel, findVersion } from '../inference-target.ts';
import type { Target } from '../inference-target.ts';
import { errorEvent, firstEvent, orchestrationAnswer, orchestrationEvents } from '../orchestration-answer.ts';
import { attemptEntry } from '../orchestration-attempt.ts';
import type { Attempt, OrchestrationCall } from '../orchestration-attempt.ts';
import { describeFailure, sendFailures } from '../orchestration-failure.ts';
import type { AttemptFailure } from '../orchestration-failure.ts';
import { moduleList, readCompletion, readEmbeddings } from '../orchestration-request.ts';
import type { EmbeddingsCompletion } from '../orchestration-request.ts';
import { replyStream, replyWhole } from '../reply.ts';

/** `POST …/v2/completion`: tries the configurations in order, bills each model that ran, answers as asked. */
export async function completion(exchange: Exchange, caller: Caller): Promise<void> {
  const deployment = findOrchestration(exchange, caller);
  if (deployment === undefined) {
    return;
  }
  const read = readCompletion(exchange.body);
  if ('problem' in read) {
    const { message: text, location } = read.problem;
    sendFailures(exchange, [describeFailure(exchange, { code: 400, location, text })], false);
    return;
  }
  await tryInOrder({ exchange, caller, deployment, request: read.request });
}

async function tryInOrder(call: OrchestrationCall): Promise<void> {
  const { exchange, request } = call;
  const failures: AttemptFailure[] = [];
  let templated: readonly unknown[] = [];
  for (const entry of moduleList(request)) {
    const attempt = attemptEntry(call, entry);
    if (attempt.kind === 'ready') {
      await serve(call, attempt, failures);
      return;
    }
    failures.push(attempt.failure);
    ({ templated } = attempt);
    if (!attempt.passes) {
      break;
    }
  }
  const asList = Array.isArray(request.config.modules);
  const last = failures.at(-1);
  if (request.config.stream?.enabled === true && last?.location === 'LLM Module') {
    await failInStream(call, { templated, failure: last });
    return;
  }
  sendFailures(exchange, failures, asList);
}

/** A model that fails does so after the answer has begun with 200. */
async function failInStream(
  { exchange }: OrchestrationCall,
  { templated, failure }: { templated: readonly unknown[]; failure: AttemptFailure },
): Promise<void> {
  const events = [
    firstEvent({ requestId: exchange.requestId, templated, failures: [] }),
    errorEvent(failure),
  ];
  await replyStream({ exchange, faults: new Map() }, { events, length: events.length });
}

type Ready = Extract<Attempt, { kind: 'ready' }>;

async function serve(call: OrchestrationCall, ready: Ready, failures: AttemptFailure[]): Promise<void> {
  const finish = admitInference(ready.inference);
  finish(await answer(call, ready, failures));
}

async function answer(
  { exchange, request }: OrchestrationCall,
  { inference, frame }: Ready,
  failures: AttemptFailure[],
): Promise<Ending> {
  const { faults, plan } = inference;
  if (await fail(exchange, faults)) {
    return { usageDelivered: false, clientLeft: exchange.gone.aborted };
  }
  const style = { withUsage: !faults.has('no-usage'), filtered: faults.has('output-filtered') };
  const whole = { ...frame, failures };
  if (!plan.stream) {
    return replyWhole(inference, {
      value: orchestrationAnswer(plan, whole, style),
      withUsage: style.withUsage,
    });
  }
  const tokensPerChunk = Math.max(
    1,
    Math.ceil((request.config.stream?.chunk_size ?? 100) / charactersPerToken),
  );
  const events = orchestrationEvents(plan, whole, {
    ...style,
    tokensPerChunk,
    noDone: faults.has('no-done'),
    error: faults.has('stream-error')
      ? describeFailure(exchange, { code: 429, location: 'LLM Module', text: 'exceeded token rate limit' })
      : undefined,
  });
  return replyStream(inference, { events, length: Math.ceil(plan.contentTokens / tokensPerChunk) });
}

/** What a token of the emulator's vocabulary has on average. */
const charactersPerToken = 6;

/** `POST …/v2/embeddings`. */
export async function embeddings(exchange: Exchange, caller: Caller): Promise<void> {
  const deployment = findOrchestration(exchange, caller);
  if (deployment === undefined) {
    return;
  }
  const read = readEmbeddings(exchange.body);
  const refuse = (location: string, text: string): void =>
    sendFailures(exchange, [describeFailure(exchange, { code: 400, location, text })], false);
  if ('problem' in read) {
    refuse(read.problem.location, read.problem.message);
    return;
  }
  const target = embeddingTarget(exchange, deployment, read.request);
  if (typeof target === 'string') {
    refuse('Embedding Module', target);
    return;
  }
  const problem = await embed({ exchange, caller, target, request: read.request });
  if (problem !== undefined) {
    refuse('Embedding Module', problem);
  }
}

function embeddingTarget(
  { world }: Exchange,
  deployment: Deployment,
  { config }: EmbeddingsCompletion,
): Target | string {
  const { name, version: wanted } = config.modules.embeddings.model;
  const model = findModel(world.config, name);
  if (model?.kind !== 'embedding') {
    return `Model ${name} not supported.`;
  }
  const version = findVersion(model, wanted);
  return version === undefined
    ? `Model ${name} in version ${wanted} not found.`
    : { deployment, model, version };
}

interface EmbeddingCall {
  exchange: Exchange;
  caller: Caller;
  target: Target;
  request: EmbeddingsCompletion;
}

/** Answers and bills; the answer is why it cannot, if so. */
async function embed({ exchange, caller, target, request }: EmbeddingCall): Promise<string | undefined> {
  const { text } = request.input;
  const inputs = typeof text === 'string' ? [text] : text;
  const controls = readControls(inputs.join('\n'));
  const prompt = 'problem' in controls ? controls.problem : embeddingPrompt(inputs, controls, target.version);
  if ('problem' in controls || typeof prompt === 'string') {
    return String(prompt);
  }
  const faults = chooseFaults({ exchange, caller, target, stream: false, text: inputs.join('\n'), controls });
  if (isRefusal(faults) && (await fail(exchange, faults))) {
    return undefined;
  }
  const plan = inputOnlyPlan({ prompt });
  const finish = admitInference({ exchange, caller, target, faults, plan });
  if (await fail(exchange, faults)) {
    finish({ usageDelivered: false, clientLeft: exchange.gone.aborted });
    return undefined;
  }
  const withUsage = !faults.has('no-usage');
  const result = embeddingList(inputs, {
    model: target.model.model,
    params: request.config.modules.embeddings.model.params,
    promptTokens: withUsage ? prompt : undefined,
  });
  finish(
    await replyWhole(
      { exchange, faults },
      { value: { request_id: exchange.requestId, final_result: result }, withUsage },
    ),
  );
  return undefined;
}

function findOrchestration(exchange: Exchange, caller: Caller): Deployment | undefined {
  const deployment = findDeployment(exchange, caller);
  if (deployment === undefined || deployment.executableId === 'orchestration') {
    return deployment;
  }
  sendAiApiError(exchange, 404, `The path is not served by executable ${deployment.executableId}.`);
  return undefined;
}
