import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A fault that is planted into the product's source while it is loaded: this text in this file is another one. */
export interface Mutation {
  /** From the root of the repository. */
  readonly file: string;
  readonly text: string;
  readonly instead: string;
}

/** The root of the repository. */
const root = path.resolve(import.meta.dirname, '../..');

/**
 * From now on these files are loaded with the fault in them. To be called before anything imports them.
 *
 * @throws Error when a text is not found exactly once: then the product has changed, and the fault must be planted anew
 */
export function plant(mutations: readonly Mutation[]): void {
  checkTexts(mutations);
  registerHooks({
    load: (url, context, nextLoad) => {
      const file = url.startsWith('file:') ? path.relative(root, fileURLToPath(url)) : '';
      const here = mutations.filter((mutation) => mutation.file === file);
      if (here.length === 0) return nextLoad(url, context);
      let source = readFileSync(path.join(root, file), 'utf8');
      for (const { text, instead } of here) source = source.replace(text, () => instead);
      return { format: 'module-typescript', shortCircuit: true, source };
    },
  });
}

/** Throws an Error that names the first text that its file does not have exactly once. */
export function checkTexts(mutations: readonly Mutation[]): void {
  for (const { file, text } of mutations) {
    const found = readFileSync(path.join(root, file), 'utf8').split(text).length - 1;
    if (found === 1) continue;
    throw new Error(
      `${file} has the text of a planted fault ${found} times instead of once: plant it anew\n${text}`,
    );
  }
}
