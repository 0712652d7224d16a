import type { OutgoingHttpHeaders } from 'node:http';
import type { Bill, Ending } from '../books.ts';
import { jsonAnswer } from '../chat-answer.ts';
import type { AnswerFrame } from '../chat-answer.ts';
import { countPrompt, planChat } from '../chat-plan.ts';
import type { ChatPlan } from '../chat-plan.ts';
import { checkChatRequest, checkSize, messageText } from '../chat-request.ts';
import type { ChatRequest } from '../chat-request.ts';
import { streamEvents } from '../chat-stream.ts';
import type { StreamEvent } from '../chat-stream.ts';
import type { Deployment, Model, ModelVersion } from '../config.ts';
import { readControls } from '../controls.ts';
import type { Controls } from '../controls.ts';
import { beginDelivery } from '../delivery.ts';
import type { Delivery } from '../delivery.ts';
import type { Caller, Exchange } from '../exchange.ts';
import { fail, isRefusal, pause } from '../failures.ts';
import type { FaultName, FaultParameters } from '../fault-names.ts';
import type { Faults } from '../faults.ts';
import { sendAiApiError, sendAzureError } from '../answers.ts';
import { factorAt, price } from '../pricing.ts';

interface Target {
  deployment: Deployment;
  model: Model;
  version: ModelVersion;
}

/** A request that has passed every check, with all that its answer depends on. */
interface Inference {
  exchange: Exchange;
  target: Target;
  faults: Faults;
  plan: ChatPlan;
  frame: AnswerFrame;
}

const slowChunkMs = 20;

/** `POST /v2/inference/deployments/{id}/chat/completions`: checks, bills, then answers as asked. */
export async function chatCompletions(exchange: Exchange, caller: Caller): Promise<void> {
  const target = findTarget(exchange, caller);
  if (target === undefined) {
    return;
  }
  const checked = checkChatRequest(exchange.body, target.model);
  if ('refusal' in checked) {
    sendAzureError(exchange.response, 400, checked.refusal);
    return;
  }
  const controls = readControls(messageText(checked.request));
  if ('problem' in controls) {
    sendAzureError(exchange.response, 400, { message: controls.problem, param: 'messages' });
    return;
  }
  const { request } = checked;
  const faults = chooseFaults({ exchange, caller, target, request, controls });
  if (isRefusal(faults) && (await fail(exchange, faults))) {
    return;
  }
  const prompt = countPrompt(request, controls);
  const refusal = typeof prompt === 'number' ? checkSize(request, target.version, prompt) : prompt;
  if (typeof prompt !== 'number' || refusal !== undefined) {
    sendAzureError(exchange.response, 400, refusal ?? { message: 'The prompt cannot be counted.' });
    return;
  }
  const plan = planChat({ request, controls, faults, ...target }, prompt);
  await serve({ exchange, target, faults, plan, frame: frameOf(exchange, target) }, caller);
}

function findTarget(exchange: Exchange, { tenant, resourceGroup }: Caller): Target | undefined {
  const { world, params, url, response } = exchange;
  const deployment = tenant.deployments.find(
    (one) => one.id === params['id'] && one.resourceGroup === resourceGroup,
  );
  if (deployment === undefined) {
    sendAiApiError(exchange, 404, `Deployment with id ${params['id'] ?? ''} not found.`);
    return undefined;
  }
  if (deployment.status !== 'RUNNING') {
    sendAiApiError(
      exchange,
      503,
      `Deployment ${deployment.id} is ${deployment.status} and cannot serve requests.`,
    );
    return undefined;
  }
  const model = world.config.models.find((one) => one.model === deployment.model?.name);
  const named = deployment.model?.version;
  const version = model?.versions.find((one) => (named === 'latest' ? one.isLatest : one.name === named));
  if (model === undefined || version === undefined || deployment.executableId !== 'azure-openai') {
    sendAiApiError(exchange, 404, `The path is not served by executable ${deployment.executableId}.`);
    return undefined;
  }
  if (!url.searchParams.has('api-version')) {
    sendAzureError(response, 404, { message: 'Resource not found', code: '404' });
    return undefined;
  }
  return { deployment, model, version };
}

interface ChoiceOfFaults {
  exchange: Exchange;
  caller: Caller;
  target: Target;
  request: ChatRequest;
  controls: Controls;
}

function chooseFaults({ exchange, caller, target, request, controls }: ChoiceOfFaults): Faults {
  const { world } = exchange;
  const byRule = world.faultRules.choose({
    route: exchange.route,
    clientId: caller.tenant.clientId,
    deployment: target.deployment.id,
    model: target.model.model,
    stream: request.stream === true,
    text: messageText(request),
  });
  const faults = new Map<FaultName, FaultParameters>(byRule);
  for (const name of controls.faults) {
    faults.set(name, controls.parameters);
  }
  return faults;
}

function frameOf(exchange: Exchange, { model, version }: Target): AnswerFrame {
  return {
    id: exchange.requestId.replaceAll('-', ''),
    created: Math.floor(exchange.atMs / 1000),
    model: `${model.model}-${version.name}`,
  };
}

/** Bills the inference before anything is answered: what happens to the answer does not make it cheaper. */
async function serve(inference: Inference, caller: Caller): Promise<void> {
  const { exchange, target, faults, plan } = inference;
  const { world } = exchange;
  const factor = factorAt(world.config.factors, exchange.atMs);
  const bill = (output: number): Bill => {
    const tokens = { ...plan.tokens, output };
    return { tokens, factor, capacityUnits: price(tokens, target.version, factor) };
  };
  const finish = world.books.admit(
    {
      requestId: exchange.requestId,
      clientId: caller.tenant.clientId,
      deployment: target.deployment.id,
      model: target.model.model,
      version: target.version.name,
      resourceGroup: caller.resourceGroup,
      at: new Date(exchange.atMs).toISOString(),
      stream: plan.stream,
      limit: plan.limit,
      naturalTokens: plan.naturalTokens,
      finishReason: plan.finishReason,
      cutShort: plan.cutShort,
      faults: [...faults.keys()],
    },
    bill(plan.tokens.output),
  );
  const ending = await answer(inference);
  const more = world.config.billMaximum && !ending.usageDelivered && plan.maximumOutput > plan.tokens.output;
  finish(ending, more ? bill(plan.maximumOutput) : undefined);
}

async function answer(inference: Inference): Promise<Ending> {
  const { exchange, faults, plan } = inference;
  if (await fail(exchange, faults)) {
    return { usageDelivered: false, clientLeft: exchange.gone.aborted };
  }
  return plan.stream ? answerStream(inference) : answerJson(inference);
}

async function answerJson(inference: Inference): Promise<Ending> {
  const { faults, plan, frame } = inference;
  const withUsage = !faults.has('no-usage');
  const whole = Buffer.from(JSON.stringify(jsonAnswer(plan, frame, withUsage)));
  const half = whole.subarray(0, whole.length >> 1);
  const truncated = faults.has('truncated-json');
  const body = truncated ? half : whole;
  const delivery = begin(inference, { 'content-type': 'application/json' }, body.length);
  if (faults.has('abrupt-close')) {
    await delivery.send(half);
    delivery.breakOff();
    return { usageDelivered: false, clientLeft: false };
  }
  const complete = (await delivery.send(body)) && (await delivery.finish());
  return { usageDelivered: complete && withUsage && !truncated, clientLeft: !complete };
}

async function answerStream(inference: Inference): Promise<Ending> {
  const { exchange, faults, plan } = inference;
  const delivery = begin(inference, { 'content-type': 'text/event-stream; charset=utf-8' });
  const slow = faults.get('slow-chunks');
  const breakAfter = faults.has('abrupt-close') ? Math.ceil(plan.contentTokens / 8) : Infinity;
  let usageDelivered = false;
  let sent = 0;
  for (const event of eventsOf(inference)) {
    if (slow !== undefined) {
      await pause(slow.delayMs ?? slowChunkMs, exchange.gone);
    }
    if (sent > breakAfter || (event.carriesUsage && breakAfter !== Infinity)) {
      delivery.breakOff();
      return { usageDelivered: false, clientLeft: false };
    }
    if (!(await delivery.send(event.text))) {
      return { usageDelivered, clientLeft: true };
    }
    usageDelivered ||= event.carriesUsage;
    sent += 1;
  }
  return { usageDelivered, clientLeft: !(await delivery.finish()) };
}

function eventsOf({ exchange, faults, plan, frame }: Inference): Generator<StreamEvent> {
  const { quirks } = exchange.world.config;
  return streamEvents(plan, frame, {
    crlf: quirks.crlf,
    usageOnFinish: quirks.usageOnFinish || faults.has('usage-on-finish'),
    noUsage: faults.has('no-usage'),
    noDone: faults.has('no-done'),
    error: faults.has('stream-error'),
  });
}

function begin(inference: Inference, headers: OutgoingHttpHeaders, bytes?: number): Delivery {
  const { exchange, faults } = inference;
  const { quirks } = exchange.world.config;
  const gzip = quirks.gzip && /\bgzip\b/.test(exchange.request.headers['accept-encoding'] ?? '');
  return beginDelivery(exchange.response, {
    status: 200,
    headers: {
      ...headers,
      ...(bytes === undefined || gzip ? {} : { 'content-length': bytes }),
      'ai-inference-id': exchange.requestId,
      'x-upstream-service-time': Math.max(0, Math.round(exchange.world.now() - exchange.atMs)),
    },
    gzip,
    splitBytes: quirks.splitBytes || faults.has('split-bytes'),
  });
}
