import type { Controls } from './controls.ts';
import type { Caller, Exchange } from './exchange.ts';
import type { FaultName, FaultParameters } from './fault-names.ts';
import type { Faults } from './faults.ts';
import type { Target } from './inference-target.ts';

/** What the faults of an inference are chosen by. */
export interface FaultChoice {
  exchange: Exchange;
  caller: Caller;
  target: Target;
  stream: boolean;
  /** All text of the request. */
  text: string;
  controls: Controls;
}

/** The faults of rules that are for this inference, and those its own text asks for. */
export function chooseFaults({ exchange, caller, target, stream, text, controls }: FaultChoice): Faults {
  const byRule = exchange.world.faultRules.choose({
    route: exchange.route,
    clientId: caller.tenant.clientId,
    deployment: target.deployment.id,
    model: target.model.model,
    stream,
    text,
  });
  const faults = new Map<FaultName, FaultParameters>(byRule);
  for (const name of controls.faults) {
    faults.set(name, controls.parameters);
  }
  return faults;
}
