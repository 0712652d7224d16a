/** What a pod's text means on this machine. */
export interface Translation {
  /** Absolute path in the container → path here. The longest one that fits counts. */
  paths: ReadonlyMap<string, string>;
  /** The pod's own address. */
  podIp: string;
  /** Address of `<service>.<namespace>.svc`; undefined leaves the name alone. */
  serviceAddress: (namespace: string, service: string) => string | undefined;
}

/** What a pod may call itself. */
const ownNames: ReadonlySet<string> = new Set(['127.0.0.1', '0.0.0.0', 'localhost']);
const serviceName = String.raw`[a-z0-9][-a-z0-9]*\.[a-z0-9][-a-z0-9]*\.svc(?:\.cluster\.local)?`;
/** Not in the middle of a longer name. */
const hostEnd = String.raw`(?![\w-]|\.\w)`;

/**
 * Translates container paths, the pod's loopback names and Service names wherever they stand in a text as whole words; everything
 * in one pass, so that nothing is translated twice.
 */
export function translator({ paths, podIp, serviceAddress }: Translation): (text: string) => string {
  const known = new Map([...paths].map(([path, here]) => [path.replace(/\/+$/, ''), here]));
  known.delete('');
  const longestFirst = [...known.keys()].sort((a, b) => b.length - a.length);
  const hosts = [...[...ownNames].map(escaped), serviceName].join('|');
  const alternatives = [
    ...(known.size === 0 ? [] : [`(?<![\\w./-])(?:${longestFirst.map(escaped).join('|')})${hostEnd}`]),
    `(?<![\\w.-])(?:${hosts})${hostEnd}`,
  ];
  return (text) =>
    text.replace(new RegExp(alternatives.join('|'), 'g'), (word) => {
      if (ownNames.has(word)) return podIp;
      const [service = '', namespace = ''] = word.split('.');
      return known.get(word) ?? serviceAddress(namespace, service) ?? word;
    });
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Kubernetes' `$(NAME)`: known names become their value, unknown ones stay, `$$` is one `$`. */
export function expandVariables(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\$\$|\$\(([^()]+)\)/g, (word, name: string | undefined) =>
    name === undefined ? '$' : (values.get(name) ?? word),
  );
}
