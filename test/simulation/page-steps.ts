import type { Numbers } from './pod-step.ts';
import type { World } from './world.ts';

/** One thing that people do to pages of ledgers; false: there is none to do it to. */
type PageStep = (world: World, numbers: Numbers) => boolean;

/** Somebody deletes a page, or puts another one in its place. */
const spoilPage: PageStep = (world, { a, b }) => {
  const how = b % 2 === 0 ? 'missing' : 'edited';
  const name = world.api.pages.spoil(a, how);
  if (name === undefined) return false;
  world.say(() => `the page ${name} is ${how}`);
  return true;
};

/** Somebody restores them from a backup. */
const mendPages: PageStep = (world) => {
  if (!world.api.pages.mend()) return false;
  world.say(() => 'all pages are as they were');
  return true;
};

/** What people do to pages of ledgers, by name. */
export const pageSteps = { spoilPage, mendPages } satisfies Record<string, PageStep>;
