import { beforeAll, describe, expect, test } from 'vitest';
import type { ApiAnswer } from '../test/control-plane/access.ts';
import { installCustomResources } from '../test/control-plane/custom-resources.ts';
import { sharedControlPlane } from '../test/control-plane/fixture.ts';
import { apiVersion } from './custom-resource.ts';
import { maxHeldRowsLength, maxRowsLength, maxUsageLength } from './ledger.ts';
import { customResources } from './resources.ts';
import { readExamples, readManifest, readSamples, schemaByKind, type Manifest } from './test-manifests.ts';

// Nothing is stored, and a field that the schema does not have is an error instead of being dropped.
const dryRun = 'dryRun=All&fieldValidation=Strict';

let namespace: string;
beforeAll(async () => {
  const controlPlane = sharedControlPlane();
  await installCustomResources(controlPlane);
  namespace = await controlPlane.createNamespace({ prefix: 'samples' });
});

/** Kinds of Kubernetes itself that the examples use. */
const otherCollections: Record<string, [api: string, plural: string]> = {
  Secret: ['/api/v1', 'secrets'],
  Deployment: ['/apis/apps/v1', 'deployments'],
  Job: ['/apis/batch/v1', 'jobs'],
};

function collectionOf({ kind }: Manifest): string {
  const other = otherCollections[kind];
  if (other !== undefined) return `${other[0]}/namespaces/${namespace}/${other[1]}`;
  const resource = customResources.find((each) => each.kind === kind);
  if (resource === undefined) throw new Error(`there is no kind ${kind}`);
  const scope = resource.scope === 'Namespaced' ? `namespaces/${namespace}/` : '';
  return `/apis/${apiVersion}/${scope}${resource.plural}`;
}

function create(object: Manifest, query = dryRun): Promise<ApiAnswer> {
  return sharedControlPlane().call({
    method: 'POST',
    path: `${collectionOf(object)}?${query}`,
    body: object,
  });
}

/** Stores an object under a name of its own; resolves to a function that tries what it is given in its place. */
async function store(object: Manifest, name: string): Promise<(next: Manifest) => Promise<ApiAnswer>> {
  const named = { ...object, metadata: { ...object.metadata, name } };
  const answer = await create(named, 'fieldValidation=Strict');
  expect(answer).toMatchObject({ status: 201 });
  const { resourceVersion } = Object(answer.body).metadata;
  return (next) =>
    sharedControlPlane().call({
      method: 'PUT',
      path: `${collectionOf(object)}/${name}?${dryRun}`,
      body: { ...next, metadata: { ...next.metadata, name, resourceVersion } },
    });
}

describe('the API server', () => {
  test.each(readSamples('valid'))('takes $name with the defaults that parsing gives', async ({ object }) => {
    const answer = await create(object);
    expect(answer).toMatchObject({ status: 201 });
    const metadata = { ...object.metadata, namespace };
    const parsed = schemaByKind[object.kind]?.parse({ ...object, metadata });
    const { spec } = Object(answer.body);
    const texts = 'monthlyLimit' in spec ? { monthlyLimit: String(spec.monthlyLimit) } : {};
    expect({ ...spec, ...texts }).toEqual(Object(parsed).spec);
  });

  test.each(readSamples('invalid').filter(({ change }) => !change))(
    'refuses $name with the stored message',
    async ({ object, message }) => {
      const { status, body } = await create(object);
      expect({ status, message: Object(body).message }).toEqual({
        status: 422,
        message: expect.stringContaining(String(message)),
      });
    },
  );

  test.each(readSamples('invalid').filter(({ change }) => change))(
    'takes $name as a new object, but not in place of its twin',
    async ({ name, object, twin = object, message }) => {
      expect((await create(object)).status).toBe(201);
      const replaceBy = await store(twin, name.replace('/', '.'));
      expect((await replaceBy(twin)).status).toBe(200);
      const { status, body } = await replaceBy(object);
      expect({ status, message: Object(body).message }).toEqual({
        status: 422,
        message: expect.stringContaining(String(message)),
      });
    },
  );

  test.each(readExamples())('takes the example $name', async ({ object }) => {
    expect(await create(object)).toMatchObject({ status: 201 });
  });
});

test('a ledger that is full to its bounds can be stored and changed', async () => {
  const ledger = readManifest('testdata/ledger/valid-full.yaml');
  const line = `${'x'.repeat(99)}\n`;
  const full = (seq: number): Manifest => ({
    ...ledger,
    spec: {
      ...Object(ledger['spec']),
      seq,
      rows: line.repeat(maxRowsLength / line.length),
      heldRows: line.repeat(maxHeldRowsLength / line.length),
      usage: line.repeat(maxUsageLength / line.length),
    },
  });
  const replaceBy = await store(full(1), 'full');
  expect(await replaceBy(full(2))).toMatchObject({ status: 200, body: { spec: { seq: 2 } } });
});

test('a status is written through its subresource alone, and must fit its schema', async () => {
  const { call } = sharedControlPlane();
  const object = readManifest('../examples/budget.yaml');
  const created = await create({ ...object, status: { limit: '7' } }, '');
  expect(Object(created.body).status).toBeUndefined();
  const apply = (status: unknown): Promise<ApiAnswer> =>
    call({
      method: 'PATCH',
      path: `${collectionOf(object)}/${object.metadata.name}/status?fieldManager=test`,
      body: { status },
      contentType: 'application/merge-patch+json',
    });
  const good = { observedGeneration: 1, limit: '2500', remaining: '-0.000000001', used: '16%' };
  expect(Object((await apply(good)).body).status).toEqual(good);
  expect((await apply({ limit: '2.5k' })).status).toBe(422);
});

test('kubectl finds every kind by its short name and category', async () => {
  const { kubectlRun } = sharedControlPlane();
  const { stdout } = await kubectlRun(['api-resources', '--categories=sapai', '--no-headers']);
  const found = stdout.trim().split('\n');
  const names = found.map((line) => line.split(/\s+/).slice(0, 2).join(' '));
  expect(new Set(names)).toEqual(
    new Set(customResources.map(({ plural, shortName }) => `${plural} ${shortName}`)),
  );
});
