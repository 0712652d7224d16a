import type { V1PodSpec } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { isOurs } from './binder.ts';
import type { Pod } from './kubernetes.ts';
import { deletionGraceMs, restartsAfter } from './lifecycle-rules.ts';

const main = { name: 'main' };
const init = { name: 'init' };
const sidecar = { name: 'side', restartPolicy: 'Always' };

function podOf(spec: Partial<V1PodSpec>, metadata: Partial<Pod['metadata']> = {}): Pod {
  const containers = { containers: [main], initContainers: [init, sidecar] };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'pod', namespace: 'shop', ...metadata },
    spec: { ...containers, ...spec },
  };
}

describe('after it has ended', () => {
  test.each([
    { restartPolicy: 'Always', container: main, exitCode: 0, want: true },
    { restartPolicy: 'Always', container: main, exitCode: 1, want: true },
    { restartPolicy: 'OnFailure', container: main, exitCode: 0, want: false },
    { restartPolicy: 'OnFailure', container: main, exitCode: 1, want: true },
    { restartPolicy: 'Never', container: main, exitCode: 1, want: false },
    { restartPolicy: 'Always', container: init, exitCode: 0, want: false },
    { restartPolicy: 'Always', container: init, exitCode: 1, want: true },
    { restartPolicy: 'Never', container: init, exitCode: 1, want: false },
    { restartPolicy: 'Never', container: sidecar, exitCode: 0, want: true },
  ])(
    'with $exitCode, $container.name of a pod that restarts $restartPolicy starts again: $want',
    ({ restartPolicy, container, exitCode, want }) => {
      expect(restartsAfter(exitCode, podOf({ restartPolicy }), container)).toBe(want);
    },
  );
});

test.each([
  {
    name: 'what the deletion says',
    spec: { terminationGracePeriodSeconds: 60 },
    metadata: { deletionGracePeriodSeconds: 0 },
    want: 0,
  },
  { name: 'else what the pod says', spec: { terminationGracePeriodSeconds: 60 }, metadata: {}, want: 60_000 },
  { name: 'else half a minute', spec: {}, metadata: {}, want: 30_000 },
])('a pod has $name to end', ({ spec, metadata, want }) => {
  expect(deletionGraceMs(podOf(spec, metadata))).toBe(want);
});

describe('binding', () => {
  const node = { nodeName: 'here', namespaces: ['shop'] };
  test.each([
    { name: 'a waiting pod', pod: podOf({}), want: true },
    {
      name: 'one that selects this node',
      pod: podOf({ nodeSelector: { 'kubernetes.io/hostname': 'here' } }),
      want: true,
    },
    { name: 'one that is bound', pod: podOf({ nodeName: 'there' }), want: false },
    { name: 'one of another scheduler', pod: podOf({ schedulerName: 'other' }), want: false },
    { name: 'one that is held by a gate', pod: podOf({ schedulingGates: [{ name: 'gate' }] }), want: false },
    { name: 'one that selects another node', pod: podOf({ nodeSelector: { disk: 'fast' } }), want: false },
    { name: 'one of another namespace', pod: podOf({}, { namespace: 'bank' }), want: false },
    {
      name: 'one that is being deleted',
      pod: podOf({}, { deletionTimestamp: '2026-11-23T00:00:00Z' }),
      want: false,
    },
  ])('takes $name: $want', ({ pod, want }) => {
    expect(isOurs(pod, node)).toBe(want);
  });

  test('takes pods of all namespaces where none is named', () => {
    expect(isOurs(podOf({}, { namespace: 'bank' }), { nodeName: 'here', namespaces: [] })).toBe(true);
  });
});
