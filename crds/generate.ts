import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { manifestFile, renderManifest } from './manifest.ts';
import { renderReference } from './reference.ts';
import { customResources } from './resources.ts';

const generatedFolder = fileURLToPath(new URL('generated/', import.meta.url));
const referencePage = fileURLToPath(new URL('../docs/reference.md', import.meta.url));

/** Everything that is derived from the schemas: file and content. */
export function generatedFiles(): { path: string; content: string }[] {
  return [
    ...customResources.map((resource) => ({
      path: generatedFolder + manifestFile(resource),
      content: renderManifest(resource),
    })),
    { path: referencePage, content: renderReference(customResources) },
  ];
}

if (import.meta.main) {
  await mkdir(generatedFolder, { recursive: true });
  for (const { path, content } of generatedFiles()) await writeFile(path, content);
}
