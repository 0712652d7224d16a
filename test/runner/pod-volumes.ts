import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Container, V1Volume } from '@kubernetes/client-node';
import { AtomicDirectory } from './atomic-directory.ts';
import { RunnerError } from './errors.ts';
import { expandVariables } from './translate.ts';
import { isEmptyDir, volumeFiles, type VolumeSources } from './volume-content.ts';

/** Where a pod's volumes lie. */
export interface VolumePlaces {
  /** Of the pod alone; what is in it survives the runner. */
  dir: string;
  /** Of the pod alone, in memory where the machine has such a place. */
  memoryDir: string;
}

/** The volumes of one pod as directories of this machine. */
export class PodVolumes {
  readonly #volumes: V1Volume[];
  readonly #places: VolumePlaces;
  readonly #written = new Map<string, AtomicDirectory>();

  constructor(volumes: V1Volume[], places: VolumePlaces) {
    this.#volumes = volumes;
    this.#places = places;
  }

  /**
   * Makes every volume as it should be now; gives the names of those that changed. The first call mounts them, later ones bring new
   * content and tokens. Throws `reference_missing` or `unsupported`, or what the API server refused.
   */
  async write(sources: VolumeSources): Promise<string[]> {
    const changed: string[] = [];
    for (const volume of this.#volumes) {
      const dir = this.#dirOf(volume);
      await mkdir(dir, { recursive: true, mode: 0o700 });
      if (isEmptyDir(volume)) continue;
      const atomic = this.#written.get(volume.name) ?? new AtomicDirectory(dir);
      if (await atomic.write(await volumeFiles(volume, sources))) changed.push(volume.name);
      this.#written.set(volume.name, atomic);
    }
    return changed;
  }

  /** Path in the container → path here, for each of a container's mounts. Directories for sub-paths are made. */
  async mounts(
    { volumeMounts = [] }: Pick<V1Container, 'volumeMounts'>,
    variables: ReadonlyMap<string, string>,
  ): Promise<Map<string, string>> {
    const paths = new Map<string, string>();
    for (const { name, mountPath, subPath, subPathExpr } of volumeMounts) {
      const volume = this.#volumes.find((each) => each.name === name);
      if (volume === undefined) throw new RunnerError('unsupported', `there is no volume "${name}" to mount`);
      const below = subPathExpr === undefined ? subPath : expandVariables(subPathExpr, variables);
      const path = join(this.#dirOf(volume), below ?? '');
      if (isEmptyDir(volume)) await mkdir(path, { recursive: true });
      paths.set(mountPath, path);
    }
    return paths;
  }

  /** Deletes them all. */
  async remove(): Promise<void> {
    await rm(this.#places.dir, { recursive: true, force: true });
    await rm(this.#places.memoryDir, { recursive: true, force: true });
  }

  #dirOf(volume: V1Volume): string {
    const inMemory = !isEmptyDir(volume) || volume.emptyDir?.medium === 'Memory';
    const { dir, memoryDir } = this.#places;
    return join(inMemory ? memoryDir : dir, 'volumes', volume.name);
  }
}
