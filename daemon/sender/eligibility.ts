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
 * Why a device of this kind would not pay; undefined if it may. A network card with the features of {@link whyCut} hands what
 * we inject back to the kernel to be cut: drivers look for the mark of a vxlan device (vxlan_features_check of
 * include/net/vxlan.h), which only such a device can set.
 */
export function whyNotOfKind({ ifname, parentbus, linkinfo }: Link): string | undefined {
  const carries = parentbus === undefined ? linkinfo?.info_kind === 'veth' : parentbus === 'virtio';
  return carries ? undefined : `${ifname} is neither veth nor virtio`;
}

/** Why a super-frame would be cut before the device, which does not pay either; undefined if it would not. */
export function whyCut({ ifname }: Link, features: ReadonlySet<string>): string | undefined {
  const missing = NEEDED.filter(name => !features.has(name));
  const sums =
    features.has('tx-checksum-ip-generic') ||
    (features.has('tx-checksum-ipv4') && features.has('tx-checksum-ipv6'));
  if (!sums) missing.push('tx-checksum-ip-generic');
  return missing.length === 0 ? undefined : `${ifname} has ${missing.join(', ')} off`;
}
