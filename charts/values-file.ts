import { Document, isMap, isScalar, isSeq } from 'yaml';
import type { YAMLMap } from 'yaml';
import { z } from 'zod';
import { chartValues } from './values.ts';

interface JsonSchema {
  description?: string | undefined;
  properties?: Record<string, JsonSchema> | undefined;
}

/** As far as it is looked at here; the rest is kept. */
const jsonSchema: z.ZodType<JsonSchema> = z.lazy(() =>
  z.looseObject({
    description: z.string().optional(),
    properties: z.record(z.string(), jsonSchema).optional(),
  }),
);

const notice =
  ' Generated from charts/values.ts by `make generate`. Do not edit.\n Every value is checked; a name that is not here is refused.';

/** The schema that Helm checks values with. */
export function renderValuesSchema(): string {
  return `${JSON.stringify(valuesSchema(), null, 2)}\n`;
}

/** The default values, each with what it is for. */
export function renderValues(): string {
  const document = new Document(chartValues.parse({}));
  document.commentBefore = notice;
  if (!isMap(document.contents)) throw new TypeError('the values are no map');
  describe(document.contents, valuesSchema());
  return document.toString({ lineWidth: 0 });
}

function valuesSchema(): JsonSchema {
  return jsonSchema.parse(z.toJSONSchema(chartValues, { target: 'draft-07', io: 'input', reused: 'inline' }));
}

function describe(map: YAMLMap, { properties = {} }: JsonSchema): void {
  for (const { key, value } of map.items) {
    if (!isScalar(key)) continue;
    const field = properties[String(key.value)];
    if (field?.description !== undefined) key.commentBefore = ` ${field.description}`;
    if (isMap(value) && value.items.length > 0 && field !== undefined) describe(value, field);
    if (isSeq(value)) value.flow = true;
  }
}
