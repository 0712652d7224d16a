import { admitInference } from '../admit-inference.ts';
import type { Inference } from '../admit-inference.ts';
import { sendAzureError } from '../answers.ts';
import { findAzureTarget } from '../azure-target.ts';
import type { Ending } from '../books.ts';
import { frameOf, jsonAnswer } from '../chat-answer.ts';
import type { AnswerFrame } from '../chat-answer.ts';
import { countPrompt, planChat } from '../chat-plan.ts';
import { checkChatRequest, checkSize, messageText } from '../chat-request.ts';
import { streamEvents } from '../chat-stream.ts';
import type { StreamEvent } from '../chat-stream.ts';
import { chooseFaults } from '../choose-faults.ts';
import { readControls } from '../controls.ts';
import type { Caller, Exchange } from '../exchange.ts';
import { fail, isRefusal } from '../failures.ts';
import { replyStream, replyWhole } from '../reply.ts';

/** A request that has passed every check, with all that its answer depends on. */
interface ChatInference extends Inference {
  frame: AnswerFrame;
}

/** `POST /v2/inference/deployments/{id}/chat/completions`: checks, bills, then answers as asked. */
export async function chatCompletions(exchange: Exchange, caller: Caller): Promise<void> {
  const target = findAzureTarget(exchange, caller);
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
  const stream = request.stream === true;
  const faults = chooseFaults({ exchange, caller, target, stream, text: messageText(request), controls });
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
  await serve({ exchange, caller, target, faults, plan, frame: frameOf(exchange, target) });
}

async function serve(inference: ChatInference): Promise<void> {
  const finish = admitInference(inference);
  finish(await answer(inference));
}

async function answer(inference: ChatInference): Promise<Ending> {
  const { exchange, faults, plan, frame } = inference;
  if (await fail(exchange, faults)) {
    return { usageDelivered: false, clientLeft: exchange.gone.aborted };
  }
  if (plan.stream) {
    return replyStream(inference, { events: eventsOf(inference), length: Math.ceil(plan.contentTokens / 4) });
  }
  const withUsage = !faults.has('no-usage');
  return replyWhole(inference, { value: jsonAnswer(plan, frame, withUsage), withUsage });
}

function eventsOf({ exchange, faults, plan, frame }: ChatInference): Generator<StreamEvent> {
  const { quirks } = exchange.world.config;
  return streamEvents(plan, frame, {
    crlf: quirks.crlf,
    usageOnFinish: quirks.usageOnFinish || faults.has('usage-on-finish'),
    noUsage: faults.has('no-usage'),
    noDone: faults.has('no-done'),
    error: faults.has('stream-error'),
  });
}
