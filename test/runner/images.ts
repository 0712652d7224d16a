import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { messageOf, RunnerError } from './errors.ts';

const image = z.strictObject({
  /** What the image runs where the container names no command. */
  entrypoint: z.array(z.string().min(1)).default([]),
  /** Its arguments where the container names neither command nor args. */
  cmd: z.array(z.string()).default([]),
  /** Settings that the image comes with. */
  env: z.record(z.string().min(1), z.string()).default({}),
  /** Path in the image → path on this machine, relative to the map file. */
  paths: z.record(z.string().startsWith('/'), z.string().min(1)).default({}),
  /** First word of a command → program on this machine. */
  programs: z.record(z.string().min(1), z.string().min(1)).default({}),
  /** `node`: its programs are Node's, in which Service names resolve; in the text of others they are replaced by addresses. */
  resolver: z.literal('node').optional(),
  /** Directory on this machine, where the container names none. */
  workingDir: z.string().optional(),
});

const imageMap = z.record(z.string().min(1), image);

/** What stands for an image on this machine. */
export type Image = z.infer<typeof image>;

/** Images by name, with paths made absolute. */
export type ImageMap = ReadonlyMap<string, Image>;

/** Reads a map file. Throws `images_invalid`, naming the field. */
export async function readImageMap(file: string): Promise<ImageMap> {
  const base = dirname(resolve(file));
  try {
    const parsed = imageMap.safeParse(JSON.parse(await readFile(file, 'utf8')));
    if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
    return new Map(Object.entries(parsed.data).map(([name, entry]) => [name, absolute(entry, base)]));
  } catch (cause) {
    throw new RunnerError('images_invalid', `${file} is no usable image map: ${messageOf(cause)}`, { cause });
  }
}

function absolute(entry: Image, base: string): Image {
  const paths = Object.fromEntries(
    Object.entries(entry.paths).map(([path, to]) => [path, resolve(base, to)]),
  );
  const { workingDir } = entry;
  return { ...entry, paths, ...(workingDir !== undefined && { workingDir: resolve(base, workingDir) }) };
}

/** Finds an image by its full name, else without digest and tag. Throws `image_unknown`. */
export function findImage(images: ImageMap, name: string): Image {
  const withoutDigest = name.replace(/@[^/]*$/, '');
  const repository = withoutDigest.replace(/:[^/:]*$/, '');
  const found = images.get(name) ?? images.get(withoutDigest) ?? images.get(repository);
  if (found !== undefined) return found;
  throw new RunnerError(
    'image_unknown',
    `image "${name}" is not in the image map: add "${repository}" to it`,
  );
}
