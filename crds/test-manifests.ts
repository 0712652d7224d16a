import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { sapAiBudget } from './budget.ts';
import { sapAiLedger } from './ledger.ts';
import { sapAiLedgerPage } from './ledger-page.ts';
import { sapAiRateCard } from './rate-card.ts';
import { sapAiStatement } from './statement.ts';

const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});

/** An object as a person writes it. */
export type Manifest = z.infer<typeof manifest>;

/** A file of `crds/testdata/<kind>/`, with what its first comments say. */
export interface Sample {
  /** `budget/invalid-name-64`: for the names of tests. */
  name: string;
  object: Manifest;
  /** The valid file it differs from in one field, for invalid ones. */
  twin?: Manifest;
  /** What the API server has to say, for invalid ones. */
  message?: string;
  /** Whether the rule is about a change, so that the twin has to be stored first. */
  change: boolean;
}

/** The schemas that stored objects are parsed with, by kind. */
export const schemaByKind: Record<string, z.ZodType> = {
  SapAiBudget: sapAiBudget,
  SapAiLedger: sapAiLedger,
  SapAiLedgerPage: sapAiLedgerPage,
  SapAiRateCard: sapAiRateCard,
  SapAiStatement: sapAiStatement,
};

/** Every sample whose file name starts with the word. */
export function readSamples(word: 'valid' | 'invalid'): Sample[] {
  return ['budget', 'ledger', 'ledger-page', 'rate-card', 'statement'].flatMap((folder) =>
    readdirSync(pathOf(`testdata/${folder}`))
      .filter((file) => file.startsWith(word))
      .sort()
      .map((file) => readSample(folder, file)),
  );
}

function readSample(folder: string, file: string): Sample {
  const text = readFileSync(pathOf(`testdata/${folder}/${file}`), 'utf8');
  const comment = (key: string): string | undefined => new RegExp(`^# ${key}: (.+)$`, 'm').exec(text)?.[1];
  const twin = comment('twin');
  const message = comment('message');
  return {
    name: `${folder}/${file.replace('.yaml', '')}`,
    object: manifest.parse(parse(text)),
    ...(twin === undefined ? {} : { twin: readManifest(`testdata/${folder}/${twin}`) }),
    ...(message === undefined ? {} : { message }),
    change: comment('change') !== undefined,
  };
}

/** The object of a YAML file; the path is relative to this folder. */
export function readManifest(path: string): Manifest {
  return manifest.parse(parse(readFileSync(pathOf(path), 'utf8')));
}

/** The examples of the product. */
export function readExamples(): { name: string; object: Manifest }[] {
  return readdirSync(pathOf('../examples'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .toSorted()
    .map((name) => ({ name, object: readManifest(`../examples/${name}`) }));
}

function pathOf(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}
