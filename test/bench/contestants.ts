import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../control-plane/ports.ts';
import { memoryFolder } from './memory-folder.ts';
import { answeringNginx, proxyingNginx } from './nginx.ts';
import { PinnedPrograms, pinSelf } from './pinned-programs.ts';
import { sidecarSettings, startBenchOperator } from './sidecar-stage.ts';

/** In the order in which they are measured; the others are compared with the first. */
export const contestantNames = ['nginx', 'bare node', 'sidecar'] as const;
export type ContestantName = (typeof contestantNames)[number];

/** A proxy under test. */
export interface Contestant {
  readonly name: ContestantName;
  readonly origin: string;
  readonly pid: number;
}

/** All proxies, running, each in front of the same two servers. */
export interface Course {
  readonly contestants: readonly Contestant[];
  /** Where the server of whole answers is, with nobody in between. */
  readonly direct: string;
  /** For files of the load; goes with the course. */
  readonly folder: string;
  stop(): Promise<void>;
}

/** Proxies have a core for themselves; the load and what answers share the other. */
const loadCore = 0;
const proxyCore = 1;

/**
 * Starts everything. The bundle of the sidecar must have been made, but for `profileFolder`: then its source runs, and
 * its CPU profile is written there at its end.
 */
export async function startCourse({
  signal,
  profileFolder,
}: {
  signal: AbortSignal;
  profileFolder: string | undefined;
}): Promise<Course> {
  await pinSelf(loadCore);
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-'));
  const journalFolder = await mkdtemp(path.join(memoryFolder(), 'bench-journal-'));
  const programs = new PinnedPrograms({ folder, signal });
  const behind = await startServers(programs, folder);
  const operator = await startBenchOperator(behind);
  const stop = async () => {
    if (profileFolder !== undefined) await programs.end('sidecar');
    await programs.stop();
    await operator.close();
    await rm(journalFolder, { recursive: true, force: true });
  };
  try {
    const proxies = await startProxies(programs, { folder, behind });
    const [app, admin] = await ports(2);
    const env = await sidecarSettings({ folder, journalFolder, operator, ports: { app, admin } });
    const command = sidecarCommand(profileFolder);
    const readyUrl = `${originOf(admin)}/readyz`;
    const pid = await programs.start('sidecar', { core: proxyCore, command, env, readyUrl });
    const sidecar: Contestant = { name: 'sidecar', origin: originOf(app), pid };
    return { contestants: [...proxies, sidecar], direct: originOf(behind.whole), folder, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function sidecarCommand(profileFolder: string | undefined): [string, ...string[]] {
  if (profileFolder === undefined) return [process.execPath, programFile('../../.make/bundle/sidecar.cjs')];
  const flags = ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
  return [process.execPath, ...flags, programFile('../../sidecar/main.ts')];
}

interface Behind {
  readonly whole: number;
  readonly stream: number;
}

async function startServers(programs: PinnedPrograms, folder: string): Promise<Behind> {
  const [whole, stream] = await ports(2);
  const file = await configured(folder, 'answers', (own) => answeringNginx({ folder: own, port: whole }));
  await programs.start('answers', {
    core: loadCore,
    command: ['nginx', '-c', file],
    readyUrl: originOf(whole),
  });
  await programs.start('streams', {
    core: loadCore,
    command: [process.execPath, programFile('programs/stream-upstream.ts')],
    env: { PORT: String(stream) },
    readyUrl: originOf(stream),
  });
  return { whole, stream };
}

async function startProxies(
  programs: PinnedPrograms,
  { folder, behind }: { folder: string; behind: Behind },
): Promise<Contestant[]> {
  const [nginx, bare] = await ports(2);
  const file = await configured(folder, 'proxy', (own) =>
    proxyingNginx({ folder: own, port: nginx, behind }),
  );
  const nginxPid = await programs.start('nginx', {
    core: proxyCore,
    command: ['nginx', '-c', file],
    readyUrl: originOf(nginx),
  });
  const barePid = await programs.start('bare node', {
    core: proxyCore,
    command: [process.execPath, programFile('programs/bare-proxy.ts')],
    env: { PORT: String(bare), WHOLE: originOf(behind.whole), STREAM: originOf(behind.stream) },
    readyUrl: originOf(bare),
  });
  return [
    { name: 'nginx', origin: originOf(nginx), pid: nginxPid },
    { name: 'bare node', origin: originOf(bare), pid: barePid },
  ];
}

/** Writes a configuration of nginx into a folder of its own; comes back with its path. */
async function configured(folder: string, name: string, write: (own: string) => string): Promise<string> {
  const own = path.join(folder, name);
  const file = path.join(own, 'nginx.conf');
  await mkdir(own);
  await writeFile(file, write(own));
  return file;
}

async function ports(count: 2): Promise<[number, number]> {
  const [first, second] = await freePorts(count);
  if (first === undefined || second === undefined) throw new Error('there are no free ports');
  return [first, second];
}

function originOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function programFile(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}
