import { fileURLToPath } from 'node:url';
import { apiVersion } from '../../crds/custom-resource.ts';
import { customResources } from '../../crds/resources.ts';
import type { ControlPlaneAccess } from './access.ts';
import { eventually } from './eventually.ts';

const manifests = fileURLToPath(new URL('../../crds/generated', import.meta.url));

/** Applies our CRDs and waits until objects of each kind can be listed. May run at the same time in many files. */
export async function installCustomResources({ call, kubectlRun }: ControlPlaneAccess): Promise<void> {
  // Two that create the same CRD at once: one of them is told so, and is right at the next try.
  await eventually(
    async () => {
      const args = ['apply', '--server-side', '--force-conflicts', '-f', manifests];
      const { exitCode, stderr } = await kubectlRun(args);
      if (exitCode === 0) return true;
      if (/already exists|Conflict|object has been modified/i.test(stderr)) return undefined;
      throw new Error(`kubectl could not apply ${manifests}: ${stderr}`);
    },
    { what: 'the CRDs to be applied', timeoutMs: 60_000 },
  );
  for (const { plural } of customResources) {
    await eventually(
      async () => ((await call({ path: `/apis/${apiVersion}/${plural}` })).status === 200 ? true : undefined),
      { what: `the API server to serve ${plural}`, timeoutMs: 60_000 },
    );
  }
}
