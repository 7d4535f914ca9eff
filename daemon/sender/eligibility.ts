/** Which underlay devices the tunnel-GSO sender is for. Pure functions. */
import type { Link } from '../net/ip.ts';

/**
 * What a device has to have on so that a super-frame crosses it whole: without the last four it is cut and summed in
 * software, whatever the first two say.
 */
const NEEDED = [
  'tx-udp_tnl-segmentation',
  'tx-udp_tnl-csum-segmentation',
  'generic-segmentation-offload',
  'tx-tcp-segmentation',
  'tx-tcp6-segmentation',
  'tx-scatter-gather',
];

/** Why no frame can be injected into this device, however much it is wanted; undefined if it can. */
export function whyNever(link: Link): string | undefined {
  return link.link_type === 'ether' ? undefined : `${link.ifname} is no Ethernet device`;
}

/**
 * Why it would not pay; undefined if it does. A network card with these features hands what we inject back to the kernel
 * to be cut: drivers look for the mark of a vxlan device (vxlan_features_check of include/net/vxlan.h), which only such a
 * device can set.
 */
export function whyNotWorthwhile(link: Link, features: ReadonlySet<string>): string | undefined {
  const { ifname, parentbus } = link;
  const carries = parentbus === undefined ? link.linkinfo?.info_kind === 'veth' : parentbus === 'virtio';
  if (!carries) return `${ifname} is neither veth nor virtio`;
  const missing = NEEDED.filter(name => !features.has(name));
  const sums =
    features.has('tx-checksum-ip-generic') ||
    (features.has('tx-checksum-ipv4') && features.has('tx-checksum-ipv6'));
  if (!sums) missing.push('tx-checksum-ip-generic');
  return missing.length === 0 ? undefined : `${ifname} has ${missing.join(', ')} off`;
}
