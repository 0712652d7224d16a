import { stringify } from 'yaml';
import { group, version, type CustomResource } from './custom-resource.ts';
import { structuralSchema, type StructuralSchema } from './schema.ts';

/** First line of every generated file. */
const notice = '# Generated from crds/*.ts by `make generate`. Do not edit.\n';

/** Where the CRD of a kind is stored, within `crds/generated/`. */
export function manifestFile(resource: CustomResource): string {
  return `${group}_${resource.plural}.yaml`;
}

/** The CustomResourceDefinition of a kind as YAML, the same for the same input byte by byte. */
export function renderManifest(resource: CustomResource): string {
  return notice + stringify(buildManifest(resource), { aliasDuplicateObjects: false, lineWidth: 0 });
}

/** The CustomResourceDefinition of a kind (`apiextensions.k8s.io/v1`) as a plain object. */
function buildManifest(resource: CustomResource): Record<string, unknown> {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${resource.plural}.${group}` },
    spec: {
      group,
      names: {
        kind: resource.kind,
        listKind: `${resource.kind}List`,
        plural: resource.plural,
        singular: resource.singular,
        shortNames: [resource.shortName],
        categories: ['sapai'],
      },
      scope: resource.scope,
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: rootSchema(resource) },
          ...(resource.status ? { subresources: { status: {} } } : {}),
          additionalPrinterColumns: resource.columns,
        },
      ],
    },
  };
}

/** The schema of the whole object: what zod does not describe is added here, once. */
function rootSchema(resource: CustomResource): StructuralSchema {
  const { status } = resource;
  return {
    description: resource.summary,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { description: 'Version of the schema of this object.', type: 'string' },
      kind: { description: 'Kind of this object.', type: 'string' },
      metadata: { type: 'object' },
      spec: structuralSchema(resource.spec, 'spec'),
      ...(status ? { status: structuralSchema(status, 'status') } : {}),
    },
    ...(resource.rules.length > 0 ? { 'x-kubernetes-validations': resource.rules } : {}),
  };
}
