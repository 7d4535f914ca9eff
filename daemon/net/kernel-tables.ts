/** What the kernel knows of the way to other hosts, for whoever asks again and again: links, routes and neighbours. */
import type { IpAddress } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { Answer } from './batch-answers.ts';
import { BatchProcess } from './batch-process.ts';
import type { Link } from './ip.ts';
import { leadsTo } from './redirect.ts';

/** A route as `ip -json route get` tells it; only what weft reads. */
export interface Route {
  readonly dst: string;
  readonly dev: string;
  /** Address of the router; none when the destination is on the link. */
  readonly gateway?: string;
  /** The same, of another address family. */
  readonly via?: { readonly host: string };
  /** Of this path, when it is less than the link's: configured, or learnt from ICMP. */
  readonly metrics?: readonly { readonly mtu?: number }[];
}

/** An entry of the neighbour table (ARP, ND). */
export interface Neighbour {
  readonly dst: string;
  readonly dev: string;
  readonly lladdr?: string;
  /** NUD states of linux/neighbour.h, as in REACHABLE. */
  readonly state?: readonly string[];
}

/** All of it at one moment. */
export interface NetworkTables {
  readonly links: readonly Link[];
  /** Destinations that have none are not among them. */
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
}

// The links first: iproute2 writes the names of devices that it heard last (lib/ll_map.c), and hears them with this list.
const LINKS = ['address show'];
const NEIGHBOURS = ['neigh show'];

export class KernelTables {
  private readonly ip: BatchProcess;
  private readonly tc: BatchProcess;

  constructor(modules: { readonly clock: Clock }) {
    this.ip = new BatchProcess(modules, { program: 'ip', options: ['-details'] });
    this.tc = new BatchProcess(modules, { program: 'tc' });
  }

  /** The tables, with the routes that packets from `source` take. Throws as BatchProcess does. */
  async read(destinations: readonly IpAddress[], source: IpAddress): Promise<NetworkTables> {
    const lines = destinations.map(destination => `route get ${destination} from ${source}`);
    const [links, neighbours, routes] = await this.ip.ask([LINKS, NEIGHBOURS, lines]);
    return {
      links: itemsOf(links, 'ip address show') as Link[],
      neighbours: itemsOf(neighbours, 'ip neigh show') as Neighbour[],
      routes: (routes?.items ?? []) as Route[],
    };
  }

  /**
   * Tells the kernel that these neighbours are being sent to, as its own sends would: it confirms an entry that has become
   * stale, or finds out that it is wrong (RFC 4861 section 7.3.3). One that is gone meanwhile is passed over.
   */
  async use(neighbours: readonly Neighbour[]): Promise<void> {
    await this.ip.ask([neighbours.map(({ dst, dev }) => `neigh change ${dst} dev ${dev} use`)]);
  }

  /** Whether all that comes in on `from` leaves by `to`. That it does not has to be asked for once more, elsewhere. */
  async isRedirected(from: string, to: string): Promise<boolean> {
    const [answer] = await this.tc.ask([[`filter show dev ${from} ingress`]]);
    if (leadsTo(answer?.items ?? [], to)) return true;
    // It may speak of a former device of that name, which it remembers.
    this.tc.close();
    return false;
  }

  close(): void {
    this.ip.close();
    this.tc.close();
  }
}

function itemsOf(answer: Answer | undefined, command: string): readonly unknown[] {
  if (answer?.failure !== undefined) throw new WeftError('system', `${command}: ${answer.failure}`);
  return answer?.items ?? [];
}
