import type { Numbers } from './pod-step.ts';
import { pick } from './pod-step.ts';
import type { Budget } from './family.ts';
import type { World } from './world.ts';

/** One thing that people do to the ledgers of a tree; false: there is nothing to do it to. */
type TreeStep = (world: World, numbers: Numbers) => boolean;

/** A4 broken on purpose: somebody deletes the ledger of a budget below another one. */
const loseLedger: TreeStep = (world, { b }) => {
  const budget = pick(world.family.slice(1), b);
  const name = budget && ledgerOf(world, budget);
  const gone = name === undefined ? undefined : world.api.remove(name);
  if (name === undefined || gone === undefined) return false;
  const { granted, returned } = gone.ledger.parent ?? { granted: 0n, returned: 0n };
  world.lostLeases.set(name, (world.lostLeases.get(name) ?? 0n) + granted - returned);
  world.noteDeleted(name, gone.uid);
  world.say(() => `somebody deletes the ledger ${name}, ${gone.uid}`);
  return true;
};

function ledgerOf(world: World, budget: Budget): string | undefined {
  const uid = world.currentOf(budget)?.uid;
  return world.api.names.find((name) => world.api.latest(name)?.uid === uid);
}

/** A4 broken on purpose: the ledger of a budget below another one comes back from a backup. */
const restoreChild: TreeStep = (world, { a, b }) => {
  const budget = pick(world.family.slice(1), b);
  const name = budget && ledgerOf(world, budget);
  const restored = name === undefined ? undefined : world.api.restore(name, 1 + (a % 30));
  if (!restored) return false;
  world.wentBack.add(restored.uid);
  world.say(() => `${name} is restored from a backup, at change ${restored.ledger.seq}`);
  return true;
};

/** A person says that a budget goes on without what its ledger had: that is held as far as it was seen. */
const acceptLoss: TreeStep = (world, { b }) => {
  const gone = world.family.filter((budget) => {
    const seen = world.currentOf(budget);
    return seen !== undefined && world.api.byUid(seen.uid) === undefined && !budget.accepted;
  });
  const budget = pick(gone, b);
  if (!budget) return false;
  budget.accepted = true;
  world.say(() => `a person accepts that the ledger of ${budget.key} is gone`);
  return true;
};

/** What people do to ledgers of a tree, by name. */
export const treeSteps = { loseLedger, restoreChild, acceptLoss } satisfies Record<string, TreeStep>;
