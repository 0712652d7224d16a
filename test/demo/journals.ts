import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { filesOf, type Place } from '../world/secret-search.ts';

/** Where the runner keeps volumes in memory. */
const memory = '/dev/shm';

/** The journals of the sidecars that the runner has started: volumes in memory, each in a pod's folder. */
export async function journalsInMemory(): Promise<Place[]> {
  const folders = (await readdir(memory)).filter((name) => name.startsWith('sap-ai-budget-runner-'));
  const files = await Promise.all(folders.map((folder) => filesOf(join(memory, folder))));
  const journals = files.flat().filter(({ name }) => name.endsWith('.journal'));
  if (journals.length === 0) throw new Error(`there are no journals below ${memory} to search`);
  return journals;
}
