// Loaded into Node programs before their own code: lets Kubernetes' Service names resolve, from a file that the runner keeps. The names
// stay as they are everywhere else, in certificates too.
import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** Environment variable with the file's path: a JSON object, name → IPv4 address. */
const file = process.env['RUNNER_SERVICES'] ?? '';
const suffix = /\.svc(?:\.cluster\.local)?\.?$/;

function addressOf(host: unknown): string | undefined {
  if (typeof host !== 'string' || !suffix.test(host)) return undefined;
  const known: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const address: unknown = Object(known)[host.replace(suffix, '')];
  return typeof address === 'string' ? address : undefined;
}

/** The address as `dns.lookup` gives one: in place of the name, which then needs no resolving. */
function replaced<T extends (host: string, ...rest: never[]) => unknown>(lookup: T): T {
  return new Proxy(lookup, {
    apply: (target, self, [host, ...rest]: unknown[]) =>
      Reflect.apply(target, self, [addressOf(host) ?? host, ...rest]),
  });
}

dns.lookup = replaced(dns.lookup);
dns.promises.lookup = replaced(dns.promises.lookup);
syncBuiltinESMExports();
