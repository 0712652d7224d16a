import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { renderCrds, renderPodPolicy, renderRules, renderWebhook } from './templates.ts';
import { renderValues, renderValuesSchema } from './values-file.ts';

const chart = fileURLToPath(new URL('sap-ai-budget/', import.meta.url));

/** Everything in the chart that has its source in code: file and content. */
export function generatedChartFiles(): { path: string; content: string }[] {
  const files = {
    'values.yaml': renderValues(),
    'values.schema.json': renderValuesSchema(),
    'templates/_rules.tpl': renderRules(),
    'templates/webhook.yaml': renderWebhook(),
    'templates/pod-policy.yaml': renderPodPolicy(),
    'templates/crds.yaml': renderCrds(),
  };
  return Object.entries(files).map(([name, content]) => ({ path: chart + name, content }));
}

if (import.meta.main) {
  await mkdir(`${chart}templates`, { recursive: true });
  for (const { path, content } of generatedChartFiles()) await writeFile(path, content);
}
