import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { alertGroups } from '../../charts/alerts.ts';
import { cases } from './alert-cases.ts';
import type { AlertCase } from './alert-cases.ts';
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

test.each(cases)('$what', async (one) => {
  const file = join(dir, 'rules.test.yaml');
  const text = stringify(ruleTest(one));
  expect(parse(text)).toBeDefined();
  await writeFile(file, text);
  await run(promtool, ['test', 'rules', file]).catch((error: { stdout?: string; stderr?: string }) => {
    throw new Error(`${error.stdout ?? ''}${error.stderr ?? ''}`);
  });
});
