import { describe, expect, test } from 'vitest';
import { podSchema } from './pod.ts';
import type { Pod } from './pod.ts';
import { selectBudgets } from './selection.ts';
import { validatePod } from './validate.ts';

function podWith(spec: object, metadata: object = {}): Pod {
  return podSchema.parse({ metadata, spec: { containers: [{ name: 'app', image: 'app' }], ...spec } });
}

describe('a pod is refused', () => {
  test.each([
    {
      why: 'that shares the network of its node',
      pod: podWith({ hostNetwork: true }),
      reason: 'host_network',
    },
    { why: 'that sees the processes of its node', pod: podWith({ hostPID: true }), reason: 'host_pid' },
    {
      why: 'whose containers see each other',
      pod: podWith({ shareProcessNamespace: true }),
      reason: 'shared_process_namespace',
    },
    { why: 'for Windows', pod: podWith({ os: { name: 'windows' } }), reason: 'windows' },
    {
      why: 'for a Windows node',
      pod: podWith({ nodeSelector: { 'kubernetes.io/os': 'windows' } }),
      reason: 'windows',
    },
    {
      why: 'with an application called as the sidecar',
      pod: podWith({ containers: [{ name: 'sap-ai-budget' }] }),
      reason: 'name_taken',
    },
    {
      why: 'with a debug container called as the sidecar',
      pod: podWith({ ephemeralContainers: [{ name: 'sap-ai-budget' }] }),
      reason: 'name_taken',
    },
    {
      why: "with an application on the sidecar's port",
      pod: podWith({ containers: [{ name: 'app', ports: [{ containerPort: 15_480 }] }] }),
      reason: 'port_taken',
    },
    {
      why: "with another sidecar on the sidecar's port of metrics",
      pod: podWith({
        initContainers: [{ name: 'mesh', restartPolicy: 'Always', ports: [{ containerPort: 15_481 }] }],
      }),
      reason: 'port_taken',
    },
    {
      why: "with an application that mounts the sidecar's token",
      pod: podWith({
        containers: [{ name: 'app', volumeMounts: [{ name: 'sap-ai-budget-token', mountPath: '/t' }] }],
      }),
      reason: 'foreign_mount',
    },
    {
      why: "with an init container that mounts the sidecar's journal",
      pod: podWith({
        initContainers: [{ name: 'in', volumeMounts: [{ name: 'sap-ai-budget-journal', mountPath: '/j' }] }],
      }),
      reason: 'foreign_mount',
    },
    {
      why: 'with a wrong word about bindings',
      pod: podWith({}, { annotations: { 'sapai.eerly.ai/service-bindings': 'keep' } }),
      reason: 'annotation_invalid',
    },
  ])('$why', ({ pod, reason }) => {
    const refusals = validatePod(pod);
    expect(refusals.map((refusal) => refusal.reason)).toEqual([reason]);
    expect(refusals[0]?.message).toMatch(/must be|remove|give it another|let it listen/);
  });

  test('for all reasons at once', () => {
    const pod = podWith({
      hostNetwork: true,
      hostPID: true,
      containers: [{ name: 'app', volumeMounts: [{ name: 'sap-ai-budget-ca', mountPath: '/ca' }] }],
    });
    expect(validatePod(pod).map(({ reason }) => reason)).toEqual([
      'host_network',
      'host_pid',
      'foreign_mount',
    ]);
  });

  test('not for switches that are off, own ports, or an init container of our name, which is replaced', () => {
    const pod = podWith({
      hostNetwork: false,
      hostPID: false,
      shareProcessNamespace: false,
      os: { name: 'linux' },
      containers: [{ name: 'app', ports: [{ containerPort: 8080 }] }],
      initContainers: [
        { name: 'sap-ai-budget', volumeMounts: [{ name: 'sap-ai-budget-token', mountPath: '/t' }] },
      ],
    });
    expect(validatePod(pod)).toEqual([]);
  });
});

describe('the budgets of a pod are', () => {
  const label = 'sapai.eerly.ai/budget';
  const annotation = 'sapai.eerly.ai/budgets';
  const none = { namespace: 'team-a', annotations: {}, labels: {}, namespaceLabels: {} };

  test.each([
    {
      from: 'its annotation first',
      choice: { annotations: { [annotation]: ' b, a ,b' }, labels: { [label]: 'c' } },
      want: { budgets: ['b', 'a'] },
    },
    {
      from: "then its label, before the namespace's",
      choice: { labels: { [label]: 'c' }, namespaceLabels: { [label]: 'd' } },
      want: { budgets: ['c'] },
    },
    {
      from: "then its namespace's label",
      choice: { namespaceLabels: { [label]: 'd' } },
      want: { budgets: ['d'] },
    },
  ])('$from', ({ choice, want }) => {
    expect(selectBudgets({ ...none, ...choice })).toEqual(want);
  });

  test.each([
    { from: 'nothing', choice: {}, want: 'budget_missing' },
    { from: 'an empty label', choice: { labels: { [label]: '' } }, want: 'budget_invalid' },
    { from: 'a word that cannot be a name', choice: { labels: { [label]: 'Chat' } }, want: 'budget_invalid' },
    { from: 'a list with a gap', choice: { annotations: { [annotation]: 'a,,b' } }, want: 'budget_invalid' },
    {
      from: 'a list that is too long',
      choice: { annotations: { [annotation]: Array.from({ length: 65 }, (_, n) => `b${n}`).join(',') } },
      want: 'budget_invalid',
    },
  ])('not read from $from', ({ choice, want }) => {
    expect(selectBudgets({ ...none, ...choice })).toMatchObject({ refusal: { reason: want } });
  });
});
