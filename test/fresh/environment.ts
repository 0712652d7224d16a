import { dirname } from 'node:path';

const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

// How this machine reaches registries and whom it trusts: facts of the machine, not of a person's set-up.
const MACHINE_SETTINGS = [
  /^npm_config_/i,
  /^GO(PROXY|SUMDB|NOSUMDB|PRIVATE|NOPROXY|INSECURE|FLAGS|TOOLCHAIN|AUTH)$/,
  /^(https?|all|no)_proxy$/i,
  /^(SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS)$/,
];

/** What a fresh environment is made from. */
export interface Machine {
  env: NodeJS.ProcessEnv;
  /** Settings that live in files of the real HOME, as environment variables. */
  settings: Record<string, string>;
  /** Absolute paths of the prerequisites' programs. */
  programs: string[];
}

/**
 * The whole environment of somebody who has just installed the prerequisites: an empty home, a temporary
 * directory, a PATH of system directories and the prerequisites' own, and how the machine reaches registries.
 */
export function freshEnvironment(
  machine: Machine,
  places: { home: string; tmp: string },
): Record<string, string> {
  const kept = Object.entries({ ...machine.settings, ...machine.env }).flatMap(([name, value]) =>
    value !== undefined && value !== '' && MACHINE_SETTINGS.some((pattern) => pattern.test(name))
      ? [[name, value] as const]
      : [],
  );
  const settings = Object.fromEntries(kept);
  return {
    ...settings,
    // Go makes its module cache read-only, and the empty home is to be removed.
    GOFLAGS: [settings['GOFLAGS'], '-modcacherw'].filter(Boolean).join(' '),
    HOME: places.home,
    TMPDIR: places.tmp,
    PATH: [...new Set([...SYSTEM_DIRECTORIES, ...machine.programs.map((path) => dirname(path))])].join(':'),
  };
}
