/** Reads a setting; ends the program with 2 and a sentence where it cannot be used, before anything is started. */
export function wholeNumber(
  name: string,
  { fallback, min, max }: { fallback: number; min: number; max: number },
): number {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  console.error(`${name}=${text} cannot be used: it must be a whole number from ${min} to ${max}`);
  return process.exit(2);
}
