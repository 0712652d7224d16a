import type { V1Container } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../kube/virtual-clock.ts';
import { watchHealth } from './health.ts';

/** Watches for so many seconds of virtual time; `answers` by kind of probe, the last one for ever. */
async function watched(
  container: Pick<V1Container, 'startupProbe' | 'readinessProbe' | 'livenessProbe'>,
  answers: Record<string, boolean[]>,
  seconds: number,
): Promise<string[]> {
  const clock = new VirtualClock(0);
  const stop = new AbortController();
  const seen: string[] = [];
  const say = (what: string): number => seen.push(`${clock.nowMs() / 1000} ${what}`);
  const over = watchHealth({
    container,
    check: async ({ exec }) => {
      const left = answers[exec?.command?.[0] ?? ''] ?? [];
      return (left.length > 1 ? left.shift() : left[0]) ?? false;
    },
    clock,
    signal: stop.signal,
    events: {
      onStarted: () => say('started'),
      onReady: (ready) => say(ready ? 'ready' : 'not ready'),
      onUnhealthy: (_, kind) => say(`${kind} failed`),
    },
  });
  for (let step = 0; step <= seconds * 2; step += 1) {
    clock.advance(step === 0 ? 0 : 500);
    // Let everything that needs no more time go on.
    await new Promise(setImmediate);
  }
  stop.abort();
  await over;
  return seen;
}

const probe = (kind: string, more: object = {}) => ({ exec: { command: [kind] }, periodSeconds: 2, ...more });

describe('a container', () => {
  test('without probes has started and is ready at once', async () => {
    expect(await watched({}, {}, 3)).toEqual(['0 started', '0 ready']);
  });

  test('has started when its startup probe succeeds, and only then is asked for more', async () => {
    const container = {
      startupProbe: probe('startup'),
      readinessProbe: probe('readiness', { initialDelaySeconds: 1 }),
    };
    const seen = await watched(container, { startup: [false, false, true], readiness: [true] }, 6);
    expect(seen).toEqual(['4 started', '5 ready']);
  });

  test('whose startup probe fails too often is unhealthy, once, and never started', async () => {
    const container = { startupProbe: probe('startup', { failureThreshold: 2 }) };
    expect(await watched(container, { startup: [false] }, 9)).toEqual(['2 startup failed']);
  });

  test('is ready after as many successes as its probe wants, and not ready after as many failures', async () => {
    const container = { readinessProbe: probe('readiness', { successThreshold: 2, failureThreshold: 2 }) };
    const seen = await watched(
      container,
      { readiness: [true, false, true, true, false, true, false, false, true] },
      15,
    );
    expect(seen).toEqual(['0 started', '6 ready', '14 not ready']);
  });

  test('whose liveness probe fails three times in a row is unhealthy, once', async () => {
    const container = { livenessProbe: probe('liveness') };
    const seen = await watched(container, { liveness: [true, false, false, true, false] }, 20);
    expect(seen).toEqual(['0 started', '0 ready', '12 liveness failed']);
  });
});
