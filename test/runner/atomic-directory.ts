import { createHash } from 'node:crypto';
import { chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { VolumeFiles } from './volume-content.ts';

/**
 * A directory whose files change together: they lie in a directory of their own, `..data` points at it and is swapped in one step, and
 * each visible name points through `..data`, as the kubelet does it. Readers therefore never see half of a change.
 */
export class AtomicDirectory {
  readonly #dir: string;
  #current: { version: string; names: string[]; target: string } | undefined;
  #count = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Makes the directory hold these files and no others; true if that changed anything. */
  async write(files: VolumeFiles): Promise<boolean> {
    const version = versionOf(files);
    const previous = this.#current;
    if (previous?.version === version) return false;
    this.#count += 1;
    const target = `..${process.pid}_${this.#count}`;
    // What an earlier runner or a failed attempt left.
    await rm(join(this.#dir, target), { recursive: true, force: true });
    await rm(join(this.#dir, '..data_new'), { force: true });
    await this.#fill(target, files);
    const names = [...new Set([...files.keys()].map((path) => path.split('/')[0] ?? path))];
    await this.#swap(target);
    await Promise.all(names.map((name) => this.#point(name)));
    const gone = previous?.names.filter((name) => !names.includes(name)) ?? [];
    await Promise.all(gone.map((name) => rm(join(this.#dir, name), { force: true })));
    if (previous !== undefined) await rm(join(this.#dir, previous.target), { recursive: true, force: true });
    this.#current = { version, names, target };
    return true;
  }

  async #fill(target: string, files: VolumeFiles): Promise<void> {
    await mkdir(join(this.#dir, target), { recursive: true });
    for (const [path, { content, mode }] of files) {
      const file = join(this.#dir, target, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content, { mode: 0o600 });
      await chmod(file, mode);
    }
  }

  async #swap(target: string): Promise<void> {
    await symlink(target, join(this.#dir, '..data_new'));
    await rename(join(this.#dir, '..data_new'), join(this.#dir, '..data'));
  }

  async #point(name: string): Promise<void> {
    await symlink(join('..data', name), join(this.#dir, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

function versionOf(files: VolumeFiles): string {
  const hash = createHash('sha256');
  for (const [path, { content, mode }] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${path}\0${mode}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}
