/** Networks, the containers in them and their addresses, as metrics. */
import type { NetworkMode } from '../config/config.ts';
import type { IpamReport } from '../operations.ts';
import { type Sample, sample } from './samples.ts';

export interface NetworkFacts {
  readonly name: string;
  readonly vni: number;
  readonly mode: NetworkMode;
  readonly mtu: number;
  readonly vteps: number;
  readonly endpoints: number;
  readonly suspended: number;
}

export function networkSamples({
  name: network,
  vni,
  mode,
  mtu,
  vteps,
  endpoints,
  suspended,
}: NetworkFacts): Sample[] {
  return [
    sample('weft_network_info', 1, { network, vni: String(vni), mode }),
    sample('weft_network_mtu_bytes', mtu, { network }),
    sample('weft_network_vteps', vteps, { network }),
    sample('weft_endpoints', endpoints, { network }),
    sample('weft_endpoints_suspended', suspended, { network }),
  ];
}

export function ipamSamples({ network, fenced, voters, reachable, decided, spaces }: IpamReport): Sample[] {
  return [
    sample('weft_ipam_fenced', fenced ? 1 : 0, { network }),
    sample('weft_ipam_voters', voters.length, { network }),
    sample('weft_ipam_voters_reachable', reachable.length, { network }),
    sample('weft_ipam_decisions_total', decided, { network }),
    ...spaces.flatMap(({ prefix, used, free, resting, unowned }) => [
      sample('weft_ipam_addresses', used, { network, prefix, state: 'used' }),
      sample('weft_ipam_addresses', free, { network, prefix, state: 'free' }),
      sample('weft_ipam_addresses', resting, { network, prefix, state: 'resting' }),
      // Of a /64 a double does not hold every digit; nobody counts them one by one.
      sample('weft_ipam_unowned_addresses', Number(unowned), { network, prefix }),
    ]),
  ];
}
