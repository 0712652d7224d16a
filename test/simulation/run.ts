import { heal } from './heal.ts';
import { operatorSteps } from './operator-steps.ts';
import { createRandom } from './random.ts';
import { podSteps } from './pod-steps.ts';
import type { Schedule, Step, StepName } from './schedule.ts';
import { Violation } from './violation.ts';
import { World } from './world.ts';

/** How a history went. */
export interface RunResult {
  /** Steps that did something. */
  readonly effective: number;
  readonly violation: Violation | undefined;
  /** Index of the step that broke a rule; the number of steps where it showed only in the end. */
  readonly at: number;
}

/** Lets a history happen, up to the first rule that is broken. `tell` hears what happens. */
export async function run(
  { setup, steps }: Pick<Schedule, 'setup' | 'steps'>,
  tell?: (line: string) => void,
): Promise<RunResult> {
  const world = new World(setup);
  world.tell = tell;
  // What the product leaves to chance, how long it waits before it tries again, is the same each time, too.
  const random = createRandom(steps.length);
  Math.random = () => random.below(1_000_000) / 1_000_000;
  let at = 0;
  try {
    for (; at < steps.length; at += 1) {
      const step = steps[at];
      if (step) await takeStep(world, step);
    }
    world.say(() => 'everything heals');
    await heal(world);
    return { effective: world.effective, violation: undefined, at };
  } catch (error) {
    const violation =
      error instanceof Violation
        ? error
        : new Violation('no unexpected error', String(error), { cause: error });
    return { effective: world.effective, violation, at };
  }
}

async function takeStep(world: World, { op, pod: index, a, b, c }: Step): Promise<void> {
  const timers = world.tick();
  const did = isPodStep(op) ? onPod(world, op, { index, a, b, c }) : operatorSteps[op](world, { a, b, c });
  if (did) world.effective += 1;
  if (timers || (did && stirs.has(op))) await world.settle();
  else world.check();
}

function onPod(
  world: World,
  op: keyof typeof podSteps,
  { index, ...numbers }: { index: number; a: number; b: number; c: number },
): boolean {
  const pod = world.present[index % world.present.length];
  return pod !== undefined && podSteps[op](world, pod, numbers);
}

function isPodStep(op: StepName): op is keyof typeof podSteps {
  return op in podSteps;
}

/** Steps after which operators have something to do before the next one. */
const stirs: ReadonlySet<StepName> = new Set<StepName>([
  'api',
  'apiFault',
  'deliver',
  'deliverAny',
  'reconcile',
  'resumeReplica',
  'evidence',
  'wrongEvidence',
  'fold',
  'wait',
  'waitShort',
]);
