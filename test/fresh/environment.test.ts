import { expect, test } from 'vitest';
import { freshEnvironment, type Machine } from './environment.ts';

const places = { home: '/tmp/f/home', tmp: '/tmp/f/tmp' };
const bare: Machine = { env: {}, settings: {}, programs: [] };
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

test('is a home, a temporary directory and the system directories, and nothing of the person', () => {
  const env = {
    HOME: '/root',
    KUBECONFIG: '/root/.kube/config',
    KUBEBUILDER_ASSETS: '/opt/assets',
    NODE_OPTIONS: '--inspect',
  };
  expect(freshEnvironment({ ...bare, env }, places)).toEqual({
    HOME: '/tmp/f/home',
    TMPDIR: '/tmp/f/tmp',
    PATH: SYSTEM_PATH,
    GOFLAGS: '-modcacherw',
  });
});

test('finds the prerequisites where this machine has them, each directory once', () => {
  const programs = ['/usr/bin/npm', '/opt/go/bin/go', '/opt/go/bin/gofmt'];
  expect(freshEnvironment({ ...bare, programs }, places)['PATH']).toBe(`${SYSTEM_PATH}:/opt/go/bin`);
});

test.each([
  'npm_config_registry',
  'NPM_CONFIG_CAFILE',
  'GOPROXY',
  'GOSUMDB',
  'HTTPS_PROXY',
  'no_proxy',
  'SSL_CERT_FILE',
  'NODE_EXTRA_CA_CERTS',
])('keeps %s, which says how the machine reaches registries', (name) => {
  expect(freshEnvironment({ ...bare, env: { [name]: 'value' } }, places)).toMatchObject({ [name]: 'value' });
});

test('prefers the environment to files of the real home, and adds to GOFLAGS', () => {
  const machine = {
    ...bare,
    env: { GOPROXY: 'here', GOSUMDB: '' },
    settings: { GOPROXY: 'there', GOFLAGS: '-v' },
  };
  expect(freshEnvironment(machine, places)).toMatchObject({ GOPROXY: 'here', GOFLAGS: '-v -modcacherw' });
});
