/** What the table says of a metric. */
export interface MetricRow<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly L[];
}

/** A value for every label. Frozen ones are looked up once: what is counted for every request should have such. */
export type Labels<L extends string> = Readonly<Record<L, string>>;

/** A metric as Prometheus reads it. */
export interface Exposed {
  readonly name: string;
  /** Its lines, without line ends. */
  lines(): string[];
}

/** All metrics in Prometheus' text format. */
export function exposition(metrics: Iterable<Exposed>): string {
  return [...metrics].map((metric) => `${metric.lines().join('\n')}\n`).join('\n');
}

/** The media type of `exposition`. */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

/** Counts what only grows. */
export class Counter<L extends string> implements Exposed {
  readonly name: string;
  readonly #row: MetricRow<L>;
  readonly #series: SeriesMap<L, { value: number }>;

  constructor(row: MetricRow<L>) {
    this.name = row.name;
    this.#row = row;
    this.#series = new SeriesMap(row.labels, () => ({ value: 0 }));
  }

  /** Adds; by 0 it makes the series begin. */
  inc(labels: Labels<L>, by = 1): void {
    this.#series.find(labels).value += by;
  }

  lines(): string[] {
    return [...headLines(this.#row, 'counter'), ...numberLines(this.name, this.#series)];
  }
}

/** Shows what goes up and down. */
export class Gauge<L extends string> implements Exposed {
  readonly name: string;
  readonly #row: MetricRow<L>;
  readonly #series: SeriesMap<L, { value: number }>;

  constructor(row: MetricRow<L>) {
    this.name = row.name;
    this.#row = row;
    this.#series = new SeriesMap(row.labels, () => ({ value: 0 }));
  }

  set(labels: Labels<L>, value: number): void {
    this.#series.find(labels).value = value;
  }

  inc(labels: Labels<L>, by = 1): void {
    this.#series.find(labels).value += by;
  }

  /** Forgets all series. */
  reset(): void {
    this.#series.clear();
  }

  lines(): string[] {
    return [...headLines(this.#row, 'gauge'), ...numberLines(this.name, this.#series)];
  }
}

interface Distribution {
  /** By bucket, what lies beyond the last one at the end. */
  readonly counts: number[];
  sum: number;
}

/** Counts values by their size. */
export class Histogram<L extends string> implements Exposed {
  readonly name: string;
  readonly #row: MetricRow<L>;
  readonly #bounds: readonly number[];
  readonly #series: SeriesMap<L, Distribution>;

  /** `buckets`: their upper bounds, ascending. */
  constructor(row: MetricRow<L> & { readonly buckets: readonly number[] }) {
    this.name = row.name;
    this.#row = row;
    this.#bounds = row.buckets;
    this.#series = new SeriesMap(row.labels, () => ({
      counts: Array.from({ length: row.buckets.length + 1 }, () => 0),
      sum: 0,
    }));
  }

  observe(labels: Labels<L>, value: number): void {
    const series = this.#series.find(labels);
    series.sum += value;
    let bucket = 0;
    while (value > (this.#bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
  }

  lines(): string[] {
    const series = this.#series
      .entries()
      .flatMap(([text, distribution]) => this.#linesOf(text, distribution));
    return [...headLines(this.#row, 'histogram'), ...series];
  }

  #linesOf(text: string, { counts, sum }: Distribution): string[] {
    let count = 0;
    const lines = counts.map((ofBucket, index) => {
      count += ofBucket;
      const le = `le="${this.#bounds[index] ?? '+Inf'}"`;
      return `${this.name}_bucket${braced(text === '' ? le : `${le},${text}`)} ${count}`;
    });
    return [...lines, `${this.name}_sum${braced(text)} ${sum}`, `${this.name}_count${braced(text)} ${count}`];
  }
}

/** The series of one metric by their label values; a metric without labels has its one from the beginning. */
class SeriesMap<L extends string, S> {
  readonly #names: readonly L[];
  readonly #make: () => S;
  /** By the labels as they are written. */
  readonly #byText = new Map<string, S>();
  #byLabels = new WeakMap<Labels<L>, S>();

  constructor(names: readonly L[], make: () => S) {
    this.#names = names;
    this.#make = make;
    if (names.length === 0) this.#byText.set('', make());
  }

  find(labels: Labels<L>): S {
    return this.#byLabels.get(labels) ?? this.#findByText(labels);
  }

  clear(): void {
    this.#byText.clear();
    this.#byLabels = new WeakMap();
  }

  entries(): [string, S][] {
    return [...this.#byText];
  }

  #findByText(labels: Labels<L>): S {
    const text = this.#names.map((name) => `${name}="${escaped(labels[name])}"`).join(',');
    const series = this.#byText.get(text) ?? this.#make();
    this.#byText.set(text, series);
    if (Object.isFrozen(labels)) this.#byLabels.set(labels, series);
    return series;
  }
}

function headLines({ name, help }: MetricRow<string>, type: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function numberLines<L extends string>(name: string, series: SeriesMap<L, { value: number }>): string[] {
  return series.entries().map(([text, { value }]) => `${name}${braced(text)} ${value}`);
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
