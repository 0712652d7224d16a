import { configDefaults, defineConfig } from 'vitest/config';
import { ClosingLine } from './test/reporter.ts';

const INTEGRATION = ['**/*.integration.test.ts', 'test/integration/**/*.test.ts'];
const outside = [...configDefaults.exclude, '.make/**'];

export default defineConfig({
  test: {
    reporters: ['default', new ClosingLine()],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...outside, ...INTEGRATION],
          // Properties try many cases, on machines that may be busy: only what hangs fails.
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: INTEGRATION,
          exclude: outside,
          globalSetup: ['./test/control-plane/global-setup.ts'],
          // Real processes on a machine with two cores: generous limits, so that only what hangs fails.
          maxWorkers: 1,
          testTimeout: 120_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
