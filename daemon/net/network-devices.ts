/** The devices of a bridge network on this VM: the bridge `wf-NAME` and the TAP `wt-NAME` behind it. */
import type { MacAddress } from '../../dataplane/address.ts';
import { formatMac } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { canSteer, closeTap, openTap, type SuperFrames, type TapDevice } from '../../dataplane/tap-device.ts';
import { bridgeName, bridgeTapName } from '../endpoints/names.ts';
import { changeLinks, type Link, listLinks, removeLink } from './ip.ts';
import { setNetSysctls } from './sysctl.ts';

/** Bridge ageing in centiseconds: 300 s, as the dataplane's own table (IEEE 802.1Q table 8-6 recommends it too). */
const BRIDGE_AGEING_CS = 30_000;

export interface BridgeOptions {
  readonly mtu: number;
  /** Of the TAP: how many segments a super-frame may have that the bridge hands over. */
  readonly gsoMaxSegs: number;
  /** What may cross the TAP whole. */
  readonly superFrames: SuperFrames;
  readonly bridgeMac: MacAddress;
  readonly tapMac: MacAddress;
  /** Of the TAP (tap-device.ts). */
  readonly queues: number;
}

/** IFLA_IFALIAS of what is ours: a name alone would not tell. */
const ALIAS = 'weft';

/**
 * Makes the bridge and its TAP, or takes over what an earlier run left; returns the open TAP. Throws
 * `conflict` if one of the names belongs to something else; then nothing has been made.
 */
export async function makeBridge(network: string, options: BridgeOptions): Promise<TapDevice> {
  const { mtu, gsoMaxSegs, superFrames, bridgeMac, tapMac, queues } = options;
  const bridge = bridgeName(network);
  const tap = bridgeTapName(network);
  const links = await listLinks();
  const isBridgeThere = isOurs(links, bridge, 'bridge', bridgeMac);
  const isTapThere = isOurs(links, tap, 'tun', tapMac);
  const device = await openBridgeTap(tap, { queues, superFrames }, isTapThere);
  try {
    if (!isBridgeThere) {
      // No multicast snooping: nobody queries on this segment, and without a querier snooping loses groups.
      await changeLinks([
        `link add name ${bridge} address ${formatMac(bridgeMac)} type bridge stp_state 0 forward_delay 0 ` +
          `mcast_snooping 0 ageing_time ${BRIDGE_AGEING_CS}`,
      ]);
    }
    // No IPv6 on the bridge and its TAP: the VM itself is no member of the overlay.
    await setNetSysctls({ [`ipv6/conf/${bridge}/disable_ipv6`]: 1, [`ipv6/conf/${tap}/disable_ipv6`]: 1 });
    await changeLinks([
      `link set dev ${bridge} alias ${ALIAS}`,
      `link set dev ${tap} address ${formatMac(tapMac)} mtu ${mtu} gso_max_segs ${gsoMaxSegs} master ${bridge} alias ${ALIAS} up`,
      `link set dev ${bridge} mtu ${mtu} up`,
    ]);
  } catch (error) {
    closeTap(device);
    // What an earlier run left stays for the next try: containers may be behind it.
    if (!isBridgeThere) await removeBridge(network);
    throw error;
  }
  return device;
}

/** A TAP that an earlier run made for another number of queues gives way: nothing hangs on it but its place in the bridge. */
async function openBridgeTap(
  name: string,
  options: Pick<BridgeOptions, 'queues' | 'superFrames'>,
  isThere: boolean,
): Promise<TapDevice> {
  const device = openTap({ name, persist: true, ...options });
  if (!isThere || device.multiQueue === (options.queues > 1 && canSteer())) return device;
  closeTap(device);
  await removeLink(name);
  return openTap({ name, persist: true, ...options });
}

/** False if there is no such link. Throws `conflict` if there is one that weft did not make. */
function isOurs(links: readonly Link[], name: string, kind: 'bridge' | 'tun', mac: MacAddress): boolean {
  const link = links.find(({ ifname }) => ifname === name);
  if (link === undefined) return false;
  // By its MAC: one that an earlier run was killed over, between making it and naming it ours.
  const isKnown = link.ifalias === ALIAS || link.address === formatMac(mac);
  // A TAP that is still down and in no bridge is just made: it gets its MAC only later.
  const isNew = kind === 'tun' && !link.flags.includes('UP') && link.master === undefined;
  if (link.linkinfo?.info_kind === kind && (isKnown || isNew)) return true;
  throw new WeftError('conflict', `the interface ${name} exists and is not weft's`, {
    hint: `rename or remove it (ip link del dev ${name}), or give the network another name`,
  });
}

/** Removes bridge and TAP; what is not there is fine. */
export async function removeBridge(network: string): Promise<void> {
  for (const name of [bridgeTapName(network), bridgeName(network)]) await removeLink(name);
}

/** Removes the bridges and TAPs that weft made for networks that `isUsed` does not know any more. */
export async function removeUnusedBridges(isUsed: (network: string) => boolean): Promise<readonly string[]> {
  const unused = (await listLinks())
    .filter(link => link.ifalias === ALIAS && link.linkinfo?.info_kind === 'bridge')
    .flatMap(link =>
      link.ifname.startsWith(bridgeName('')) ? [link.ifname.slice(bridgeName('').length)] : [],
    )
    .filter(network => !isUsed(network));
  for (const network of unused) await removeBridge(network);
  return unused;
}
