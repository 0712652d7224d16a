import { type Check, defaultSizes } from './checks.ts';

/** What TLC is asked to do with a model. */
export interface Question extends Check {
  /** A rule that is switched off. */
  rule?: string;
  /** To take random walks instead of searching. */
  isWalk?: boolean;
}

/** The model's configuration in TLC's own format. */
export function configuration({ faults, sizes, rule, isWalk = false }: Question): string {
  const size = { ...defaultSizes, ...sizes };
  const holders = ['a', 'b', 'c'].slice(0, size.holders);
  return `SPECIFICATION ${isWalk ? 'WalkSpec' : 'Spec'}
CONSTANTS
${holders.map((holder) => `  ${holder} = ${holder}\n`).join('')}  Holders = {${holders.join(', ')}}
  Faults = {${faults.map((fault) => `"${fault}"`).join(', ')}}
  Broken = {${rule === undefined ? '' : `"${rule}"`}}
  FirstCap = ${size.firstCap}
  Caps = {${size.caps.join(', ')}}
  GrantSizes = {${size.grantSizes.join(', ')}}
  RequestCosts = {${size.requestCosts.join(', ')}}
  MaxStarts = ${size.starts}
  MaxReports = ${size.reports}
  MaxRequests = ${size.requests}
  MaxCapChanges = ${size.capChanges}
INVARIANTS PartsAddUp RowsCover CapHolds BooksRight
PROPERTIES GrantsFit GrantsOnce ReportsBooked
${isWalk ? '' : 'VIEW View\n'}${isWalk || holders.length === 1 ? '' : 'SYMMETRY Symmetric\n'}`;
}
