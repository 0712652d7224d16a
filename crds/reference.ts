import { apiVersion, type CustomResource } from './custom-resource.ts';
import { structuralSchema, type StructuralSchema } from './schema.ts';

const head = `<!-- Generated from crds/*.ts by \`make generate\`. Do not edit. -->
# Reference of the Kubernetes objects

All kinds: group and version \`${apiVersion}\`, category \`sapai\` (\`kubectl get sapai -A\`). CU: SAP AI Core capacity units.
`;

/** The reference page (Markdown): what each kind is for, its fields, conditions and columns. */
export function renderReference(resources: CustomResource[]): string {
  return [head, ...resources.map(renderKind)].join('\n');
}

function renderKind(resource: CustomResource): string {
  const sections = [
    `## ${resource.kind}\n\n${resource.summary}\n`,
    `Short name \`${resource.shortName}\`; ${resource.scope === 'Cluster' ? 'cluster-wide' : 'in a namespace'}.\n`,
    renderRules(resource),
    `### Spec of ${resource.kind}\n\n${fieldTable(structuralSchema(resource.spec, 'spec'), 'spec')}`,
    resource.status
      ? `### Status of ${resource.kind}\n\n${fieldTable(structuralSchema(resource.status, 'status'), 'status')}`
      : '',
    renderConditions(resource),
    renderColumns(resource),
  ];
  return sections.filter((section) => section !== '').join('\n');
}

function renderRules(resource: CustomResource): string {
  return resource.rules.map(({ message }) => `Rule: ${message}.\n`).join('\n');
}

function renderConditions({ kind, conditions }: CustomResource): string {
  if (conditions.length === 0) return '';
  const rows = conditions.map(({ type, good, meaning }) => [code(type), code(good), meaning]);
  return `### Conditions of ${kind}\n\n${table(['Type', 'Healthy', 'Meaning'], rows)}`;
}

function renderColumns({ kind, columns }: CustomResource): string {
  const rows = columns.map(({ name, jsonPath, description, priority }) => [
    priority === 1 ? `${name} (wide)` : name,
    code(jsonPath),
    description,
  ]);
  return `### Columns of ${kind}\n\n${table(['Column', 'Path', 'Meaning'], rows)}`;
}

function fieldTable(schema: StructuralSchema, path: string): string {
  return table(['Field', 'Type', 'Default', 'Meaning'], fieldRows(schema, path));
}

function fieldRows(schema: StructuralSchema, path: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const below = `${path}.${name}`;
    const item = field.items?.type === 'object' ? field.items : undefined;
    const children = item ? fieldRows(item, `${below}[]`) : fieldRows(field, below);
    const required = schema.required?.includes(name) === true;
    return [[code(below), typeText(field), defaultText(field, required), meaningText(field)], ...children];
  });
}

function defaultText(field: StructuralSchema, required: boolean): string {
  if (required) return '**required**';
  return field.default === undefined || field.type === 'object' ? '' : code(JSON.stringify(field.default));
}

function meaningText(field: StructuralSchema): string {
  const rules = [
    ...(field['x-kubernetes-validations'] ?? []),
    ...(field.items?.['x-kubernetes-validations'] ?? []),
  ];
  return [field.description ?? '', ...rules.map(({ message }) => `Rule: ${message}.`)].join(' ');
}

function typeText(field: StructuralSchema): string {
  if (field['x-kubernetes-int-or-string'] === true) return 'quantity';
  if (field.enum !== undefined) return field.enum.map((value) => code(String(value))).join(', ');
  if (field.type === 'integer') return `integer, ${field.minimum} … ${field.maximum}`;
  if (field.type === 'string') return stringText(field);
  if (field.type === 'array')
    return `list of ${field.items?.type ?? 'value'}s, ${field.minItems ?? 0} … ${field.maxItems}`;
  return field.type ?? '';
}

function stringText(field: StructuralSchema): string {
  return `string${field.format === undefined ? '' : ` (${field.format})`}, at most ${field.maxLength} characters`;
}

function table(titles: string[], rows: string[][]): string {
  return tableLine(titles) + tableLine(titles.map(() => '---')) + rows.map(tableLine).join('');
}

function tableLine(cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
}

function code(text: string): string {
  return `\`${text}\``;
}
