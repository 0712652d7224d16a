import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';

/** Where files lie in memory, as the journal does in a pod; elsewhere the usual place for temporary ones. */
export function memoryFolder(): string {
  try {
    accessSync('/dev/shm', constants.W_OK | constants.X_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}
