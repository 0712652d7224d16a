/**
 * Whether a name matches a pattern in which `*` stands for any characters, none included; everything else
 * stands for itself, upper and lower case apart. Takes at most pattern × name steps.
 */
export function matchesGlob(pattern: string, name: string): boolean {
  let p = 0;
  let n = 0;
  let star = -1;
  let resume = 0;
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p;
      resume = n;
      p += 1;
    } else if (pattern[p] === name[n]) {
      p += 1;
      n += 1;
    } else if (star >= 0) {
      // Let the last star swallow one character more.
      p = star + 1;
      resume += 1;
      n = resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

/** How closely a pattern describes what it matches: a name without `*` most, then the more characters the closer. */
export function globSpecificity(pattern: string): number {
  if (!pattern.includes('*')) return Number.MAX_SAFE_INTEGER;
  return pattern.replaceAll('*', '').length;
}
