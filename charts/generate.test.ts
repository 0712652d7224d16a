import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { injectionSettings } from '../operator/webhook/settings.ts';
import { generatedChartFiles } from './generate.ts';
import { chartValues } from './values.ts';
import { renderValues } from './values-file.ts';

test.each(generatedChartFiles())(
  '$path is what its source says (else: make generate)',
  ({ path, content }) => {
    expect(readFileSync(path, 'utf8')).toBe(content);
  },
);

test('the default values are the ones that no values give', () => {
  expect(parse(renderValues())).toEqual(chartValues.parse({}));
});

test('the sidecar of the default values is one that the operator accepts', () => {
  const { sidecar, image } = chartValues.parse({});
  const { operatorUrl: _none, ...rest } = sidecar;
  const settings = {
    ...rest,
    image: image.repository,
    imagePullPolicy: image.pullPolicy,
    operatorUrl: 'https://o',
  };
  expect(injectionSettings.parse(settings)).toEqual(settings);
});
