import { KubeError } from '../../operator/kube/kube-error.ts';

/** The KubeError that the call fails with; anything else fails the test. */
export async function caught(promise: Promise<unknown>): Promise<KubeError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof KubeError) return error;
  throw new Error('expected a KubeError', { cause: error });
}
