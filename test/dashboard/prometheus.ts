import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { ChildProcesses } from '../control-plane/child-processes.ts';
import { eventually } from '../control-plane/eventually.ts';
import { freePorts } from '../control-plane/ports.ts';
import { ensurePrometheus } from './ensure-prometheus.ts';

/** Whose metrics are read, and the labels that the Prometheus operator's monitors would add. */
export interface ScrapeTarget {
  /** `127.0.0.1:port`. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}

const sample = z.tuple([z.number(), z.string()]);
const answer = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('vector'),
    result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: sample })),
  }),
});

/** One line of a query's result. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const startTimeoutMs = 60_000;
const callTimeoutMs = 10_000;
const scrapeInterval = '500ms';

/** A real Prometheus on loopback, with its data in a directory of its own. It never outlives this process. */
export class Prometheus {
  readonly url: string;
  readonly #children: ChildProcesses;

  private constructor(url: string, children: ChildProcesses) {
    this.url = url;
    this.#children = children;
  }

  /** Starts one that scrapes these targets twice a second; resolves when it answers queries. */
  static async start(targets: readonly ScrapeTarget[], say: (line: string) => void): Promise<Prometheus> {
    const program = await ensurePrometheus('prometheus', { say });
    const dir = await mkdtemp(join(tmpdir(), 'sap-ai-budget-prometheus-'));
    await mkdir(join(dir, 'data'));
    await writeFile(join(dir, 'prometheus.yaml'), stringify(scrapeConfig(targets)));
    const [port = 0] = await freePorts(1);
    const children = new ChildProcesses({ logDir: dir, removeAtEnd: dir });
    const prometheus = new Prometheus(`http://127.0.0.1:${port}`, children);
    try {
      await children.start('prometheus', program, [
        `--config.file=${join(dir, 'prometheus.yaml')}`,
        `--storage.tsdb.path=${join(dir, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ]);
      await prometheus.#waitReady();
      return prometheus;
    } catch (error) {
      await children.stop();
      throw error;
    }
  }

  /** What an instant query gives now. */
  async query(expression: string): Promise<Sample[]> {
    const body = new URLSearchParams({ query: expression });
    const response = await fetch(`${this.url}/api/v1/query`, {
      method: 'POST',
      body,
      signal: AbortSignal.timeout(callTimeoutMs),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Prometheus refused ${expression}: ${text}`);
    const { result } = answer.parse(JSON.parse(text)).data;
    return result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }));
  }

  stop(): Promise<void> {
    return this.#children.stop();
  }

  async #waitReady(): Promise<void> {
    const probe = async (): Promise<true | undefined> => {
      await this.#children.assertRunning();
      const signal = AbortSignal.timeout(callTimeoutMs);
      return fetch(`${this.url}/-/ready`, { signal }).then(
        ({ ok }) => (ok ? true : undefined),
        () => undefined,
      );
    };
    await eventually(probe, { what: 'Prometheus to be ready', timeoutMs: startTimeoutMs });
  }
}

function scrapeConfig(targets: readonly ScrapeTarget[]): unknown {
  const static_configs = targets.map(({ address, labels }) => ({ targets: [address], labels }));
  return {
    global: { scrape_interval: scrapeInterval },
    scrape_configs: [{ job_name: 'sap-ai-budget', static_configs }],
  };
}
