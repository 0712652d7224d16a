import { describe, expect, test } from 'vitest';
import { Counter, Gauge, Histogram, exposition } from './metric.ts';

const row = { name: 'requests_total', help: 'All requests.', labels: ['budget', 'reason'] } as const;

describe('metrics are written', () => {
  test('as Prometheus reads them, apart from each other', () => {
    const counter = new Counter(row);
    counter.inc({ budget: 'chat', reason: '' }, 0);
    counter.inc({ reason: 'exhausted', budget: 'chat' });
    counter.inc({ reason: 'exhausted', budget: 'chat' }, 1.5);
    const gauge = new Gauge({ name: 'in_flight', help: 'Under way.', labels: [] });
    expect(exposition([counter, gauge])).toBe(`# HELP requests_total All requests.
# TYPE requests_total counter
requests_total{budget="chat",reason=""} 0
requests_total{budget="chat",reason="exhausted"} 2.5

# HELP in_flight Under way.
# TYPE in_flight gauge
in_flight 0
`);
  });

  test('with what would end a label or its line escaped', () => {
    const counter = new Counter({ name: 'a', help: 'A.', labels: ['b'] });
    counter.inc({ b: 'x"\\\ny' });
    expect(counter.lines().at(-1)).toBe(String.raw`a{b="x\"\\\ny"} 1`);
  });

  test('as buckets that add up, each with its upper bound included', () => {
    const histogram = new Histogram({ name: 'took', help: 'Took.', labels: ['phase'], buckets: [1, 2] });
    for (const value of [0.5, 1, 2, 3]) histogram.observe({ phase: 'x' }, value);
    expect(histogram.lines().slice(2)).toEqual([
      'took_bucket{le="1",phase="x"} 2',
      'took_bucket{le="2",phase="x"} 3',
      'took_bucket{le="+Inf",phase="x"} 4',
      'took_sum{phase="x"} 6.5',
      'took_count{phase="x"} 4',
    ]);
  });
});

test('the same labels find the same series, frozen or not', () => {
  const counter = new Counter(row);
  const frozen = Object.freeze({ budget: 'a', reason: 'b' });
  counter.inc(frozen);
  counter.inc({ ...frozen });
  counter.inc(frozen);
  expect(counter.lines().slice(2)).toEqual(['requests_total{budget="a",reason="b"} 3']);
});

test('a gauge that was reset begins anew, also for labels it has seen', () => {
  const gauge = new Gauge(row);
  const labels = Object.freeze({ budget: 'a', reason: 'b' });
  gauge.set(labels, 5);
  gauge.reset();
  expect(gauge.lines()).toHaveLength(2);
  gauge.inc(labels);
  expect(gauge.lines().at(-1)).toBe('requests_total{budget="a",reason="b"} 1');
});
