/** Whether a client's `stream_options` ask for usage. */
export function asksForUsage(options: unknown): boolean {
  return (
    typeof options === 'object' &&
    options !== null &&
    'include_usage' in options &&
    options.include_usage === true
  );
}

/** A client's `stream_options` with usage: without it a stream does not tell what it cost. */
export function withUsage(options: unknown): Record<string, unknown> {
  const named = typeof options === 'object' && options !== null ? options : {};
  return { ...named, include_usage: true };
}
