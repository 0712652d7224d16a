import type { Bill, Ending } from './books.ts';
import type { ChatPlan, Tokens } from './chat-plan.ts';
import type { Caller, Exchange } from './exchange.ts';
import type { Faults } from './faults.ts';
import type { Target } from './inference-target.ts';
import { factorAt, price } from './pricing.ts';

/** An inference that is about to run. */
export interface Inference {
  exchange: Exchange;
  caller: Caller;
  target: Target;
  faults: Faults;
  plan: ChatPlan;
}

/**
 * Bills an inference before anything is answered: what happens to the answer does not make it cheaper. The answer is
 * how to tell its end, which may make it dearer.
 */
export function admitInference(inference: Inference): (ending: Ending) => void {
  const { exchange, caller, target, faults, plan } = inference;
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
  return (ending) => {
    const more =
      world.config.billMaximum && !ending.usageDelivered && plan.maximumOutput > plan.tokens.output;
    finish(ending, more ? bill(plan.maximumOutput) : undefined);
  };
}

/** The plan of an inference that has no output. */
export function inputOnlyPlan(tokens: Pick<Tokens, 'prompt'>): ChatPlan {
  return {
    tokens: { prompt: tokens.prompt, cached: 0, output: 0, reasoning: 0 },
    choices: 1,
    contentTokens: 0,
    naturalTokens: 0,
    limit: null,
    finishReason: 'stop',
    cutShort: false,
    maximumOutput: 0,
    stream: false,
    includeUsage: false,
  };
}
