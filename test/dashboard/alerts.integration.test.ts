import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { alertGroups } from '../../charts/alerts.ts';
import { sumOf } from '../../charts/dashboard/panel.ts';
import { cases } from './alert-cases.ts';
import type { AlertCase } from './alert-cases.ts';
import { filledIn } from './dashboard-queries.ts';
import { ensurePrometheus } from './ensure-prometheus.ts';

const rules = join(import.meta.dirname, '../../charts/sap-ai-budget/alerts/sap-ai-budget.yaml');
const run = promisify(execFile);
let promtool: string;
let dir: string;

beforeAll(async () => {
  promtool = await ensurePrometheus('promtool', { say: console.error });
  dir = await mkdtemp(join(tmpdir(), 'sap-ai-budget-alerts-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** A test of promtool's: these series, and at this time these alerts and no other. */
function ruleTest({ alert, series, at, labels }: AlertCase): unknown {
  const all = alertGroups.flatMap((group) => group.rules).map((rule) => rule.alert);
  // The operator is there in every case but its own.
  const others = alert === 'SapAiOperatorAbsent' ? {} : { 'sapaibudget_build_info{version="1"}': '1x3000' };
  const input = Object.entries({ ...others, ...series });
  return {
    rule_files: [rules],
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: input.map(([name, values]) => ({ series: name, values })),
        alert_rule_test: all
          .filter((one) => one !== 'SapAiOperatorAbsent' || one === alert || alert === undefined)
          .map((alertname) => ({
            eval_time: at,
            alertname,
            exp_alerts: alertname === alert ? [expected(alertname, labels)] : [],
          })),
      },
    ],
  };
}

function expected(alertname: string, labels: Readonly<Record<string, string>> = {}): unknown {
  const rule = alertGroups.flatMap((group) => group.rules).find(({ alert }) => alert === alertname);
  const fill = (text: string): string =>
    text.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? '');
  const annotations = Object.entries(rule?.annotations ?? {}).map(([name, text]) => [name, fill(text)]);
  return {
    exp_labels: { ...labels, ...rule?.labels },
    exp_annotations: Object.fromEntries(annotations),
  };
}

test('the rules are ones that Prometheus accepts', async () => {
  const { stdout } = await run(promtool, ['check', 'rules', rules]);
  const count = alertGroups.reduce((total, group) => total + group.rules.length, 0);
  expect(stdout).toContain(`${count} rules found`);
});

test('every alert has a case in which it fires', () => {
  const fired = new Set(cases.map(({ alert }) => alert));
  const all = alertGroups.flatMap((group) => group.rules).map(({ alert }) => alert);
  expect(all.filter((alert) => !fired.has(alert))).toEqual([]);
});

/** What promtool finds wrong in a test of its own kind; empty: nothing. */
async function complaints(ruleTests: unknown): Promise<string> {
  const file = join(dir, 'rules.test.yaml');
  await writeFile(file, stringify(ruleTests));
  return run(promtool, ['test', 'rules', file]).then(
    () => '',
    (error: { stdout?: string; stderr?: string }) => `failed: ${error.stdout ?? ''}${error.stderr ?? ''}`,
  );
}

test.each(cases)('$what', async (one) => {
  expect(await complaints(ruleTest(one))).toBe('');
});

test.each([
  { budgets: 'a root and its share', budget: '.*', sum: 100 },
  { budgets: 'the share alone', budget: 'share', sum: 30 },
])('a sum over $budgets counts what was spent once', async ({ budget, sum }) => {
  const settled = 'sapaibudget_settled_capacity_units';
  const root = 'budget="all",budget_namespace="platform"';
  const share = 'budget="share",budget_namespace="team-a"';
  const named = `sapaibudget_budget_parent{${share},parent="all",parent_namespace="platform"}`;
  const series = { [`${settled}{${root}}`]: '100x5', [`${settled}{${share}}`]: '30x5', [named]: '1x5' };
  const input = Object.entries(series).map(([name, values]) => ({ series: name, values }));
  const expr = filledIn(sumOf(settled), { budget });
  const wanted = { expr, eval_time: '5m', exp_samples: [{ value: sum }] };
  const ruleTests = { tests: [{ interval: '1m', input_series: input, promql_expr_test: [wanted] }] };
  expect(await complaints(ruleTests)).toBe('');
});
