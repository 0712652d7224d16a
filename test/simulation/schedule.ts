import type { Random } from './random.ts';
import { createRandom } from './random.ts';
import { operatorSteps } from './operator-steps.ts';
import { podSteps } from './pod-steps.ts';
import type { PageSizes } from '../../operator/ledger/page-choice.ts';
import { plansOf } from './tree-plans.ts';
import type { Assumption, Setup } from './world.ts';

type PodStepName = keyof typeof podSteps;
type OperatorStepName = keyof typeof operatorSteps;
/** What a step does. */
export type StepName = PodStepName | OperatorStepName;

/** One step of a history: what happens, to which pod, with which numbers. */
export interface Step {
  readonly op: StepName;
  readonly pod: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** A history before it happens. */
export interface Schedule {
  readonly mix: string;
  readonly setup: Setup;
  readonly steps: readonly Step[];
}

type Weights = Partial<Record<StepName, number>>;

/** What goes on in every history. */
const ordinary: Weights = {
  start: 3,
  configure: 2,
  request: 24,
  think: 10,
  renew: 8,
  askAhead: 8,
  transmit: 24,
  fetchToken: 3,
  sendToSap: 16,
  settle: 14,
  loseCost: 1,
  resolve: 1,
  giveBack: 2,
  heedRecall: 3,
  windUp: 2,
  compact: 0.3,
  startReplica: 2,
  elect: 0.5,
  reconcile: 2,
  learnLimit: 1,
  api: 40,
  deliver: 48,
  wait: 1,
  waitShort: 8,
};
const network: Weights = { deliverAny: 20, lose: 4, transmit: 34, api: 50 };
const crashes: Weights = {
  crash: 3,
  crashTorn: 0.6,
  reboot: 0.3,
  restoreJournal: 0.3,
  findJournal: 1,
  damageJournal: 0.4,
  start: 20,
  renew: 12,
};
const scarcity: Weights = {
  request: 40,
  think: 30,
  settle: 24,
  sendToSap: 24,
  heedRecall: 12,
  setLimit: 0.1,
};
const pauses: Weights = { pause: 1, resume: 5, wait: 2 };
const operators: Weights = {
  apiFault: 4,
  elect: 2,
  kill: 0.6,
  pauseReplica: 1,
  resumeReplica: 4,
  startReplica: 8,
  retire: 0.2,
};
const clocks: Weights = { jumpClock: 1, jumpWall: 0.5 };
const months: Weights = { wait: 4, reconcile: 6, configure: 5, windUp: 8 };
const caps: Weights = { setLimit: 1.5, learnLimit: 3, reconcile: 4 };
const unknowns: Weights = { loseCost: 4, resolve: 2, evidence: 5, wait: 3, crash: 1 };
/** Each budget of a tree has to be looked at by each replica. */
const families: Weights = {
  reconcile: 10,
  setLimit: 1,
  learnLimit: 3,
  configure: 4,
  retire: 0.2,
  deliver: 70,
  api: 70,
};
const churn: Weights = { remove: 0.8, start: 10, fold: 3, evidence: 6, wait: 3 };

interface Mix {
  readonly share: number;
  readonly weights: readonly Weights[];
  readonly pods: readonly [number, number];
  readonly replicas: readonly [number, number];
  readonly steps: number;
  /** Whether there is much less than is asked for. */
  readonly scarce?: boolean;
  readonly breaks?: readonly Assumption[];
  /** How many budgets are below the root, at least and at most. */
  readonly children?: readonly [number, number];
  readonly pageSizes?: PageSizes;
}

const everything = [network, crashes, pauses, operators, clocks, months, caps, unknowns, churn];
const tree = { children: [2, 4], pods: [5, 9], replicas: [1, 3], steps: 2500 } as const;
const small = { pods: [2, 5], replicas: [1, 3], steps: 2700 } as const;

/** The kinds of histories, and how many of a hundred are of each. */
export const mixes: Readonly<Record<string, Mix>> = {
  calm: { ...small, share: 3, weights: [] },
  network: { ...small, share: 9, weights: [network] },
  scarcity: { ...small, share: 8, weights: [network, scarcity], scarce: true },
  crashes: { ...small, share: 10, weights: [network, crashes, pauses] },
  operators: { ...small, share: 14, weights: [network, operators, caps], replicas: [2, 3] },
  months: { ...small, share: 10, weights: [network, clocks, months, caps, crashes] },
  unknowns: { ...small, share: 9, weights: [network, unknowns, crashes, pauses] },
  churn: { ...small, share: 8, weights: [network, churn, crashes, operators], pods: [4, 10] },
  everything: { ...small, share: 1, weights: everything, pods: [2, 8] },
  trees: { ...tree, share: 3, weights: [network, operators, families] },
  'trees and crashes': { ...tree, share: 3, weights: [network, families, crashes, pauses, unknowns] },
  'trees and months': { ...tree, share: 2, weights: [network, families, months, churn, operators, crashes] },
  fleet: {
    share: 1,
    weights: [network, crashes, operators, caps],
    pods: [60, 300],
    replicas: [1, 3],
    steps: 4000,
  },
  'lost children': {
    ...tree,
    share: 2,
    weights: [network, operators, families, { loseLedger: 0.4, acceptLoss: 4 }],
    breaks: ['A4'],
  },
  pages: {
    share: 4,
    weights: [network, operators, churn, { spoilPage: 1, mendPages: 0.7, kill: 2, apiFault: 6 }],
    pods: [6, 12],
    replicas: [1, 3],
    steps: 2500,
    pageSizes: { first: 400, least: 200, full: 500 },
  },
  'children from backups': {
    ...tree,
    share: 1,
    weights: [network, operators, families, { restoreChild: 0.4, approve: 0.5 }],
    breaks: ['A4'],
  },
  'broken bounds': {
    ...small,
    share: 4,
    weights: [network, crashes, unknowns, { reboot: 2 }],
    breaks: ['A1'],
  },
  'two processes': { ...small, share: 2, weights: [network, crashes, { secondProcess: 2 }], breaks: ['A2'] },
  'wrong evidence': {
    ...small,
    share: 3,
    weights: [network, unknowns, churn, { wrongEvidence: 4 }],
    breaks: ['A3'],
  },
  'old backups': {
    ...small,
    share: 2,
    weights: [network, operators, { restoreBackup: 0.5, approve: 1 }],
    breaks: ['A4'],
  },
  'all broken': {
    ...small,
    share: 1,
    weights: [...everything, { secondProcess: 0.5, wrongEvidence: 2, restoreBackup: 0.3, approve: 1 }],
    breaks: ['A1', 'A2', 'A3', 'A4'],
  },
};

/** The history of a seed. */
export function scheduleOf(seed: number): Schedule {
  const random = createRandom(seed);
  const [mix, kind] = chooseMix(random);
  const { weights, steps } = kind;
  const setup = setupOf(kind, random);
  const choose = chooser(sumWeights([ordinary, ...weights]), random);
  const list: Step[] = beginning(setup, random);
  while (list.length < steps) list.push(stepOf(choose(), random));
  return { mix, setup, steps: list };
}

function setupOf(
  { pods, replicas, breaks = [], children, pageSizes, scarce = false }: Mix,
  random: Random,
): Setup {
  const setup = {
    pods: between(pods, random),
    replicas: between(replicas, random),
    cap: BigInt(200 + random.below(scarce ? 200 : 1800)) * BigInt(1 + (pods[1] >> 4)),
    breaks,
    pageSizes,
  };
  return children ? { ...setup, below: plansOf(setup.cap, between(children, random), random) } : setup;
}

function chooseMix(random: Random): [string, Mix] {
  let left = random.below(100);
  for (const [name, mix] of Object.entries(mixes)) {
    left -= mix.share;
    if (left < 0) return [name, mix];
  }
  throw new Error('the shares of the mixes are not a hundred');
}

function between([least, most]: readonly [number, number], random: Random): number {
  return least + random.below(most - least + 1);
}

function stepOf(op: StepName, random: Random): Step {
  return { op, pod: random.below(1000), a: random.below(1000), b: random.below(1000), c: random.below(1000) };
}

/** Ledgers are opened and most pods run, so that no history is spent on waiting for its beginning. */
function beginning({ replicas, pods, below = [] }: Setup, random: Random): Step[] {
  const calls = Array.from({ length: 4 }, () => plainStep('api', 1));
  const ledgers = Array.from({ length: 1 + below.length }, (_, budget) => [
    { ...plainStep('reconcile', 0), b: budget },
    ...calls,
  ]);
  const starts = Array.from({ length: pods }, (_, pod) => plainStep('start', 0, pod));
  return [
    ...Array.from({ length: replicas }, (_, index) => plainStep('startReplica', index)),
    plainStep('elect', 0),
    ...ledgers.flat(),
    ...starts.filter(() => random.chance(0.8)),
  ];
}

function plainStep(op: StepName, a: number, pod = 0): Step {
  return { op, pod, a, b: 0, c: 0 };
}

/** The greater of each weight: a mix is as wild as its wildest part. */
function sumWeights(all: readonly Weights[]): Map<StepName, number> {
  const sums = new Map<StepName, number>();
  for (const weights of all) {
    for (const name of stepNames) {
      const weight = weights[name] ?? 0;
      if (weight > (sums.get(name) ?? 0)) sums.set(name, weight);
    }
  }
  return sums;
}

/** Every name of a step. */
const stepNames = [...Object.keys(podSteps), ...Object.keys(operatorSteps)].filter(
  (name): name is StepName => name in podSteps || name in operatorSteps,
);

function chooser(weights: ReadonlyMap<StepName, number>, random: Random): () => StepName {
  const entries = [...weights];
  const scale = 10;
  const table = entries.flatMap(([name, weight]) =>
    Array.from({ length: Math.ceil(weight * scale) }, () => name),
  );
  return () => table[random.below(table.length)] ?? 'deliver';
}
