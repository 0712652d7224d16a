import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { freePorts } from '../control-plane/ports.ts';
import { type Door, Link } from './link.ts';
import { operatorNamespace } from './names.ts';
import type { Programs } from './programs.ts';

const kubeConfig = z.looseObject({
  clusters: z.array(z.looseObject({ cluster: z.looseObject({ server: z.string() }) })).length(1),
});

export interface ReplicaOptions {
  programs: Programs;
  /** Kubeconfig of the control plane. */
  kubeconfig: string;
  dir: string;
  /** Which of them it is; 0: the first. */
  index: number;
  settings: Record<string, string>;
}

interface Ways {
  ports: [number, number];
  api: Link;
  door: Link;
  doorAt: Door;
  kubeconfig: string;
}

/** One operator: a process of its own, with its own way to the API server. */
export class Replica {
  /** Of its process and log. */
  readonly name: string;
  readonly port: number;
  readonly url: string;
  /** Where its metrics and probes are. */
  readonly adminUrl: string;
  /** Its way to the API server. */
  readonly api: Link;
  /** Where it is reached when it is meant and no other, if others run beside it. */
  readonly door: Link;
  readonly doorAt: Door;
  readonly #programs: Programs;
  readonly #env: Record<string, string>;

  private constructor(
    { programs, index, settings }: ReplicaOptions,
    { ports, api, door, doorAt, kubeconfig }: Ways,
  ) {
    const [port, admin] = ports;
    this.name = index === 0 ? 'operator' : `operator-${index}`;
    this.port = port;
    this.url = `https://127.0.0.1:${port}`;
    this.adminUrl = `http://127.0.0.1:${admin}`;
    this.api = api;
    this.door = door;
    this.doorAt = doorAt;
    this.#programs = programs;
    this.#env = {
      KUBECONFIG: kubeconfig,
      SAPAIBUDGET_NAMESPACE: operatorNamespace,
      SAPAIBUDGET_LISTEN: `127.0.0.1:${port}`,
      SAPAIBUDGET_ADMIN_LISTEN: `127.0.0.1:${admin}`,
      SAPAIBUDGET_ADVERTISED_NAMES: '127.0.0.1',
      SAPAIBUDGET_REPLICA_IP: doorAt.host,
      ...settings,
    };
  }

  /** Prepares one; it runs once it is started. */
  static async prepare(options: ReplicaOptions): Promise<Replica> {
    const [port = 0, admin = 0] = await freePorts(2);
    const config = kubeConfig.parse(JSON.parse(await readFile(options.kubeconfig, 'utf8')));
    const [{ cluster }] = [config.clusters[0] ?? { cluster: { server: '' } }];
    const api = await Link.start([{ host: '127.0.0.1', port: Number(new URL(cluster.server).port) }]);
    const doorAt = { host: `127.0.1.${options.index + 1}`, port };
    const door = await Link.start([{ host: '127.0.0.1', port }], doorAt);
    cluster.server = `https://127.0.0.1:${api.port}`;
    const kubeconfig = join(options.dir, `operator-${options.index}.kubeconfig`);
    await writeFile(kubeconfig, JSON.stringify(config), { mode: 0o600 });
    return new Replica(options, { ports: [port, admin], api, door, doorAt, kubeconfig });
  }

  /** Starts it, and resolves when it serves. */
  async start(): Promise<void> {
    const readyUrl = `${this.adminUrl}/readyz`;
    await this.#programs.start({ name: this.name, entry: 'operator/main.ts', env: this.#env, readyUrl });
  }

  /** Ends the links; the process is ended by who runs it. */
  async close(): Promise<void> {
    await Promise.all([this.api.stop(), this.door.stop()]);
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.#programs.kill(this.name);
  }

  /** SIGSTOP: it does nothing until `resume`, and its sockets stay open. */
  pause(): void {
    this.#programs.signal(this.name, 'SIGSTOP');
  }

  resume(): void {
    this.#programs.signal(this.name, 'SIGCONT');
  }

  /** Sum of a metric over the labels that this pattern fits; undefined where it does not answer. */
  async metric(name: string, labels = /.*/): Promise<number | undefined> {
    try {
      const answer = await fetch(`${this.adminUrl}/metrics`, { signal: AbortSignal.timeout(2_000) });
      const lines = (await answer.text()).split('\n').filter((line) => line.startsWith(name));
      const fitting = lines.filter((line) => labels.test(line.slice(name.length)));
      return fitting.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    } catch {
      return undefined;
    }
  }

  async leads(): Promise<boolean> {
    return (await this.metric('sapaibudget_leader ')) === 1;
  }
}
