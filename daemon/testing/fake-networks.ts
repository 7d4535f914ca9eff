/** Networks of a node without any, as docs/cli.md shows them. */
import type { IpamReport, NetworkReport } from '../operations.ts';

export const FAKE_NETWORKS: readonly NetworkReport[] = [
  {
    name: 'blue',
    vni: 42,
    mtu: 1450,
    endpoints: 1,
    subnet: '198.18.0.0/16',
    subnet6: null,
    mode: 'overlay',
    attach: 'bridge',
    gateway: ['198.18.0.1'],
    gateway_mac: '02:7a:11:5c:20:9e',
    parent: null,
    macvlan_mode: null,
    ipam: 'none',
    vteps: ['192.0.2.2', '192.0.2.9'],
    carried: true,
    source: 'config',
    created_by: null,
    conflict: null,
  },
  {
    name: 'green',
    vni: 43,
    mtu: 1450,
    endpoints: 0,
    subnet: null,
    subnet6: '2001:db8:2::/64',
    mode: 'overlay',
    attach: 'tap',
    gateway: [],
    gateway_mac: null,
    parent: null,
    macvlan_mode: null,
    ipam: 'weft',
    vteps: [],
    carried: false,
    source: 'created',
    created_by: 'vm-b',
    conflict: null,
  },
];

export const FAKE_IPAM: readonly IpamReport[] = [
  {
    network: 'green',
    fenced: false,
    voters: ['vm-b', 'vm-a', 'vm-c'],
    reachable: ['vm-b', 'vm-a'],
    decided: 7,
    waiting_for: [],
    spaces: [
      {
        prefix: '2001:db8:2::/64',
        owned: 65_536,
        used: 2,
        free: 65_533,
        resting: 1,
        unowned: '18446744073709355008',
        ranges: [
          { prefix: '2001:db8:2::/112', owner: 'vm-b' },
          { prefix: '2001:db8:2::1:0/112', owner: 'vm-a' },
          { prefix: '2001:db8:2::2:0/112', owner: null },
        ],
      },
    ],
  },
];
