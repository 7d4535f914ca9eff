import test from 'ava';
import type { Link } from '../net/ip.ts';
import { VETH } from '../testing/veth.ts';
import { whyCut, whyNever, whyNotOfKind } from './eligibility.ts';

/** A card that is no link of a kind of its own. */
function card(parentbus: string): Link {
  const { linkinfo, ...rest } = VETH;
  return { ...rest, parentbus };
}

/** What ethtool says is on for a veth. */
const ALL = [
  'tx-udp_tnl-segmentation',
  'tx-udp_tnl-csum-segmentation',
  'generic-segmentation-offload',
  'tx-tcp-segmentation',
  'tx-tcp6-segmentation',
  'tx-scatter-gather',
  'tx-checksum-ip-generic',
];

test('a veth and a virtio device that carry super-frames whole are worth it', t => {
  for (const link of [VETH, card('virtio')]) {
    t.is(whyNotOfKind(link), undefined);
    t.is(whyCut(link, new Set(ALL)), undefined);
  }
  const both = [...ALL.slice(0, -1), 'tx-checksum-ipv4', 'tx-checksum-ipv6'];
  t.is(whyCut(card('virtio'), new Set(both)), undefined);
});

for (const missing of ALL) {
  test(`a veth without ${missing} cuts in software`, t => {
    const on = new Set(ALL.filter(name => name !== missing));
    t.is(whyCut(VETH, on), `eth0 has ${missing} off`);
  });
}

test('hardware, and devices that stand over others, are left to the sockets', t => {
  for (const link of [card('pci'), { ...VETH, linkinfo: { info_kind: 'bond' } }]) {
    t.is(whyNotOfKind(link), 'eth0 is neither veth nor virtio');
  }
});

test('what is no Ethernet cannot be injected into', t => {
  t.is(whyNever(VETH), undefined);
  t.is(whyNever({ ...VETH, ifname: 'wg0', link_type: 'none' }), 'wg0 is no Ethernet device');
});
