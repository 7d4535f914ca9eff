/** Who is asked for names that are not ours: whom the configuration names, or the resolvers of the VM. */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Clock } from '../../dataplane/clock.ts';
import { DNS_PORT, MAX_UPSTREAM, type UpstreamServer } from './dns-config.ts';

const RESOLV_CONF = '/etc/resolv.conf';

/** A change of the VM's resolvers is followed after so many milliseconds, and the file is read no more often. */
const RELOAD_MS = 5_000;

/** resolv.conf(5): "If no nameserver entries are present, the default is to use the name server on the local machine". */
const DEFAULT_SERVER: UpstreamServer = { address: '127.0.0.1', port: DNS_PORT };

export interface UpstreamServersOptions {
  readonly upstream: 'auto' | readonly UpstreamServer[];
  /** @default /etc/resolv.conf */
  readonly path?: string;
}

export class UpstreamServers {
  private readonly clock: Clock;
  private readonly options: UpstreamServersOptions;
  private servers: Promise<readonly UpstreamServer[]> | undefined;
  private readAt = 0;

  constructor(modules: { readonly clock: Clock }, options: UpstreamServersOptions) {
    this.clock = modules.clock;
    this.options = options;
  }

  /** In the order in which to ask; empty: there is nobody. Never rejects. */
  list(): Promise<readonly UpstreamServer[]> {
    const { upstream } = this.options;
    if (upstream !== 'auto') return Promise.resolve(upstream);
    const now = this.clock.now();
    if (this.servers === undefined || now - this.readAt >= RELOAD_MS) {
      this.readAt = now;
      this.servers = this.read();
    }
    return this.servers;
  }

  private async read(): Promise<readonly UpstreamServer[]> {
    const { path = RESOLV_CONF } = this.options;
    return parseNameservers(await readFile(path, 'utf8').catch(() => ''));
  }
}

/** The servers of a resolv.conf(5), the first three of them as other resolvers have it. */
export function parseNameservers(text: string): readonly UpstreamServer[] {
  const servers = text.split('\n').flatMap(line => {
    const [, address = ''] = /^nameserver[ \t]+(\S+)/.exec(line) ?? [];
    return isIP(address) === 0 ? [] : [{ address, port: DNS_PORT }];
  });
  return servers.length === 0 ? [DEFAULT_SERVER] : servers.slice(0, MAX_UPSTREAM);
}
