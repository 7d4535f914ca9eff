/** The devices of a bridge network on this VM: the bridge `wf-NAME` and the TAP `wt-NAME` behind it. */
import type { MacAddress } from '../../dataplane/address.ts';
import { formatMac } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { closeTap, openTap, type TapDevice } from '../../dataplane/tap-device.ts';
import { bridgeName, bridgeTapName } from '../endpoints/names.ts';
import { changeLinks, findLink, setNetSysctls } from './ip.ts';

/** Bridge ageing in centiseconds: 300 s, as the dataplane's own table (IEEE 802.1Q table 8-6 recommends it too). */
const BRIDGE_AGEING_CS = 30_000;

export interface BridgeOptions {
  readonly mtu: number;
  /** Of the TAP: how many segments a super-frame may have that the bridge hands over. */
  readonly gsoMaxSegs: number;
  readonly bridgeMac: MacAddress;
  readonly tapMac: MacAddress;
}

/**
 * Makes the bridge and its TAP, or takes over what an earlier run left; returns the open TAP. Throws `conflict` if one of
 * the names belongs to something else; then nothing has been made.
 */
export async function makeBridge(network: string, options: BridgeOptions): Promise<TapDevice> {
  const { mtu, gsoMaxSegs, bridgeMac, tapMac } = options;
  const bridge = bridgeName(network);
  const tap = bridgeTapName(network);
  const found = await findLink(bridge);
  if (found !== undefined) {
    const ours = found.linkinfo?.info_kind === 'bridge' && found.address === formatMac(bridgeMac);
    if (!ours) {
      throw new WeftError('conflict', `the interface ${bridge} exists and is not weft's`, {
        hint: `rename it, remove it with \`ip link del ${bridge}\`, or give the network another name`,
      });
    }
  }
  const device = openTap({ name: tap, persist: true });
  try {
    if (found === undefined) {
      // No IPv6 on the bridge and its TAP: the VM itself is no member of the overlay.
      // No multicast snooping: nobody queries on this segment, and without a querier snooping loses groups.
      await changeLinks([
        `link add name ${bridge} address ${formatMac(bridgeMac)} type bridge stp_state 0 forward_delay 0 ` +
          `mcast_snooping 0 ageing_time ${BRIDGE_AGEING_CS}`,
      ]);
    }
    await setNetSysctls({ [`ipv6/conf/${bridge}/disable_ipv6`]: 1, [`ipv6/conf/${tap}/disable_ipv6`]: 1 });
    await changeLinks([
      `link set dev ${tap} address ${formatMac(tapMac)} mtu ${mtu} gso_max_segs ${gsoMaxSegs} master ${bridge} up`,
      `link set dev ${bridge} mtu ${mtu} up`,
    ]);
  } catch (error) {
    closeTap(device);
    // What an earlier run left stays for the next try: containers may be behind it.
    if (found === undefined) await removeBridge(network);
    throw error;
  }
  return device;
}

/** Removes bridge and TAP; what is not there is fine. */
export async function removeBridge(network: string): Promise<void> {
  for (const name of [bridgeTapName(network), bridgeName(network)]) {
    if ((await findLink(name)) !== undefined) await changeLinks([`link del dev ${name}`]);
  }
}
