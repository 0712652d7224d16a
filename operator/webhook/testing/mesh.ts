import { once } from 'node:events';
import { createServer } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { z } from 'zod';
import type { ControlPlaneAccess } from '../../../test/control-plane/access.ts';
import { issueAuthority, issueLeaf } from '../../certificates/issue.ts';
import { podSchema } from '../pod.ts';

const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
const review = z.object({ request: z.object({ uid: z.string(), object: podSchema }) });

/**
 * Another product's webhook for the pods of a namespace. It is asked after ours and puts a container of its own in front of all others,
 * and one behind them.
 */
export async function startMesh(
  controlPlane: ControlPlaneAccess,
  namespace: string,
): Promise<{ stop: () => Promise<void> }> {
  const authority = await issueAuthority(new Date());
  const leaf = await issueLeaf(authority, { names: ['127.0.0.1'], now: new Date() });
  const server = createServer({ cert: leaf.certificate, key: leaf.privateKey }, (request, response) => {
    void answer(request).then((text) => response.setHeader('content-type', 'application/json').end(text));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the mesh has no port');
  const body = {
    // The API server asks in the order of names.
    metadata: { name: 'z-mesh' },
    webhooks: [
      {
        name: 'mesh.example.com',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        clientConfig: {
          url: `https://127.0.0.1:${address.port}/`,
          caBundle: Buffer.from(authority.certificate).toString('base64'),
        },
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
    ],
  };
  const registered = await controlPlane.call({ method: 'POST', path, body });
  if (registered.status !== 201) throw new Error(`no mesh: ${JSON.stringify(registered.body)}`);
  return {
    stop: async () => {
      await controlPlane.call({ method: 'DELETE', path: `${path}/z-mesh` });
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(request: IncomingMessage): Promise<string> {
  const { uid, object } = review.parse(await json(request)).request;
  const securityContext = object.spec.containers[0]?.['securityContext'];
  const container = (name: string) => ({ name, image: name, securityContext });
  const wasHere = object.spec.containers.some(({ name }) => name === 'agent');
  const operations = [
    { op: 'add', path: '/spec/initContainers/0', value: container('mesh') },
    { op: 'add', path: '/spec/containers/-', value: container('agent') },
  ];
  const patch = Buffer.from(JSON.stringify(wasHere ? [] : operations)).toString('base64');
  const response = { uid, allowed: true, patchType: 'JSONPatch', patch };
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response });
}
