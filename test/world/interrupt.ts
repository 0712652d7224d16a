/** Runs a program that Ctrl-C ends cleanly; its exit code says whether what it returned was true. */
export async function interruptible(main: (signal: AbortSignal) => Promise<boolean>): Promise<void> {
  const interrupted = new AbortController();
  const stop = (): void => interrupted.abort(new Error('interrupted'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    process.exitCode = (await main(interrupted.signal)) ? 0 : 1;
  } catch (error) {
    if (!interrupted.signal.aborted) console.error(error instanceof Error ? error.message : error);
    process.exitCode = interrupted.signal.aborted ? 130 : 1;
  }
}
