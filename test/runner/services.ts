import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Informer } from '../../operator/kube/informer.ts';
import type { KubeClient } from '../../operator/kube/client.ts';
import { messageOf } from './errors.ts';
import { type Pod, type Service, services } from './kubernetes.ts';

/** Connections of one port of a Service at a time; more are refused. */
const maxConnections = 1024;

/** A pod that may serve. */
export interface Backend {
  pod: Pod;
  podIp: string;
  isReady: boolean;
}

export interface ServicesOptions {
  kube: KubeClient;
  backends: () => Backend[];
  /** Kept with the addresses of all Services, for Node programs. */
  file: string;
  say: (line: string) => void;
}

/** Where a Service's cluster address lies on this machine: itself if it is a loopback address, else with 127 in front. */
export function loopbackOf(clusterIp: string): string {
  return clusterIp.replace(/^\d+/, '127');
}

interface Listening {
  server: Server;
  sockets: Set<Socket>;
}

/** Listens on the address of each Service and passes connections on to its ready pods, as kube-proxy would. */
export class Services {
  readonly #options: ServicesOptions;
  readonly #informer: Informer<Service>;
  readonly #listening = new Map<string, Listening>();
  #turn = 0;
  #written = '';

  constructor(options: ServicesOptions) {
    this.#options = options;
    this.#informer = new Informer<Service>({ kube: options.kube, resource: services });
  }

  /** Resolves when every Service that was there is served. */
  get synced(): Promise<void> {
    return this.#informer.synced;
  }

  /** Follows the API server until the signal fires, then closes everything. */
  async run(signal: AbortSignal): Promise<void> {
    this.#informer.onChange(() => this.#compare());
    this.#compare();
    await this.#informer.run(signal);
    for (const key of this.#listening.keys()) this.#close(key);
  }

  /** Address of a Service; of one of its pods where it has none of its own. */
  addressOf(namespace: string, name: string): string | undefined {
    const service = this.#informer.get(`${namespace}/${name}`);
    const clusterIp = service?.spec.clusterIP;
    if (service === undefined || clusterIp === undefined || clusterIp === '') return undefined;
    return clusterIp === 'None' ? this.#selected(service)[0]?.podIp : loopbackOf(clusterIp);
  }

  /** Other pods may stand behind a Service that has no address of its own. */
  podsChanged(): void {
    this.#writeAddresses();
  }

  #writeAddresses(): void {
    const addresses = this.#informer
      .list()
      .flatMap(({ metadata: { namespace = '', name } }): [string, string][] => {
        const address = this.addressOf(namespace, name);
        return address === undefined ? [] : [[`${name}.${namespace}`, address]];
      });
    const text = JSON.stringify(Object.fromEntries(addresses), undefined, 1);
    if (text === this.#written) return;
    this.#written = text;
    const { file } = this.#options;
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }

  #compare(): void {
    this.#writeAddresses();
    const wanted = new Set(
      this.#informer
        .list()
        .flatMap(portsOf)
        .map(({ key }) => key),
    );
    for (const key of this.#listening.keys()) if (!wanted.has(key)) this.#close(key);
    for (const service of this.#informer.list()) {
      for (const port of portsOf(service)) if (!this.#listening.has(port.key)) this.#listen(port);
    }
  }

  #listen({ key, host, port, service }: ServicePort): void {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      this.#forward(socket, service, port);
    });
    server.maxConnections = maxConnections;
    server.on('error', (error) =>
      this.#options.say(`service ${service}: cannot serve ${host}:${port}: ${messageOf(error)}`),
    );
    server.listen(port, host);
    this.#listening.set(key, { server, sockets });
  }

  #close(key: string): void {
    const { server, sockets } = this.#listening.get(key) ?? {};
    this.#listening.delete(key);
    server?.close();
    for (const socket of sockets ?? []) socket.destroy();
  }

  #forward(socket: Socket, serviceKey: string, port: number): void {
    const service = this.#informer.get(serviceKey);
    const target = service === undefined ? undefined : this.#targetOf(service, port);
    if (target === undefined) {
      socket.resetAndDestroy();
      return;
    }
    const upstream = connect({ ...target, allowHalfOpen: true });
    const end = (): void => {
      socket.destroy();
      upstream.destroy();
    };
    for (const each of [socket, upstream]) each.on('error', end);
    void once(socket, 'close').then(() => upstream.destroy(), end);
    void once(upstream, 'close').then(() => socket.destroy(), end);
    socket.pipe(upstream);
    upstream.pipe(socket);
  }

  #targetOf(service: Service, port: number): { host: string; port: number } | undefined {
    const targetPort = service.spec.ports?.find((each) => each.port === port)?.targetPort ?? port;
    const ready = this.#selected(service).filter(({ isReady }) => isReady);
    this.#turn += 1;
    const chosen = ready[this.#turn % Math.max(ready.length, 1)];
    if (chosen === undefined) return undefined;
    const number = typeof targetPort === 'number' ? targetPort : namedPort(chosen.pod, targetPort);
    return number === undefined ? undefined : { host: chosen.podIp, port: number };
  }

  #selected({ metadata, spec: { selector = {} } }: Service): Backend[] {
    const wanted = Object.entries(selector);
    if (wanted.length === 0) return [];
    return this.#options.backends().filter(({ pod }) => {
      const { namespace, labels = {} } = pod.metadata;
      return namespace === metadata.namespace && wanted.every(([name, value]) => labels[name] === value);
    });
  }
}

interface ServicePort {
  key: string;
  host: string;
  port: number;
  service: string;
}

/** The ports to listen on; those of Services without a selector lead to nothing here. */
function portsOf({ metadata, spec: { clusterIP = '', selector = {}, ports = [] } }: Service): ServicePort[] {
  if (!/^\d/.test(clusterIP) || Object.keys(selector).length === 0) return [];
  const host = loopbackOf(clusterIP);
  const service = `${metadata.namespace}/${metadata.name}`;
  const tcp = ports.filter(({ protocol = 'TCP' }) => protocol === 'TCP');
  return tcp.map(({ port }) => ({ key: `${service} ${host}:${port}`, host, port, service }));
}

function namedPort({ spec }: Pod, name: string): number | undefined {
  const all = [...(spec.initContainers ?? []), ...spec.containers].flatMap(({ ports = [] }) => ports);
  return all.find((port) => port.name === name)?.containerPort;
}
