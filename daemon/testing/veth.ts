import type { Link } from '../net/ip.ts';

/** An underlay device as `ip` lists it: a veth that is up. */
export const VETH: Link = {
  ifindex: 2,
  ifname: 'eth0',
  address: '02:00:00:00:00:01',
  mtu: 1500,
  flags: ['UP', 'LOWER_UP'],
  link_type: 'ether',
  linkinfo: { info_kind: 'veth' },
  addr_info: [],
};
