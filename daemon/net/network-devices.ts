/**
 * The devices of a network on this VM: the bridge `wf-NAME`, and the TAP `wt-NAME` by which it reaches the dataplane. A network that each VM has for itself has
 * no TAP; one whose containers are attached by TAPs has none of both, or, with a gateway, the TAP alone.
 */
import type { MacAddress } from '../../dataplane/address.ts';
import { formatMac, parseMac } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { canSteer, closeTap, openTap, type SuperFrames, type TapDevice } from '../../dataplane/tap-device.ts';
import { bridgeName, bridgeTapName } from '../endpoints/names.ts';
import { interfaceAddresses, type OwnGateway } from '../networks/gateway.ts';
import { changeLinks, findLink, type Link, listLinks, removeLink } from './ip.ts';
import { settingsLines } from './link-settings.ts';
import { setNetSysctls } from './sysctl.ts';

/** Bridge ageing in centiseconds: 300 s, as the dataplane's own table (IEEE 802.1Q table 8-6 recommends it too). */
const BRIDGE_AGEING_CS = 30_000;

export interface BridgeOptions {
  readonly mtu: number;
  /** The VM itself as a member of the network; undefined: it is none. */
  readonly gateway: OwnGateway | undefined;
  /** Of the TAP: how many segments a super-frame may have that the bridge hands over. */
  readonly gsoMaxSegs: number;
  /** What may cross the TAP whole. */
  readonly superFrames: SuperFrames;
  readonly bridgeMac: MacAddress;
  readonly tapMac: MacAddress;
  /** Of the TAP (tap-device.ts). */
  readonly queues: number;
  /** Of the TAP, from an earlier process. */
  readonly passed: readonly number[];
}

/** linux/if_link.h, enum in6_addr_gen_mode. */
const IN6_ADDR_GEN_MODE_NONE = 1;

/** IFLA_IFALIAS of what is ours: a name alone would not tell. */
const ALIAS = 'weft';

/**
 * Makes the bridge and its TAP, or takes over what an earlier run left; returns the open TAP. Throws
 * `conflict` if one of the names belongs to something else; then nothing has been made.
 */
export async function makeBridge(network: string, options: BridgeOptions): Promise<TapDevice> {
  const { mtu, gsoMaxSegs, superFrames, tapMac, queues, passed, gateway } = options;
  const bridgeMac = gateway === undefined ? options.bridgeMac : parseMac(gateway.mac);
  const bridge = bridgeName(network);
  const tap = bridgeTapName(network);
  const links = await listLinks();
  const bridgeFound = findOurs(links, bridge, 'bridge', bridgeMac);
  const tapFound = findOurs(links, tap, 'tun', tapMac);
  const { device, kept } = await openBridgeTap(tap, { queues, superFrames, passed }, tapFound);
  try {
    if (bridgeFound === undefined) await addBridge(bridge, bridgeMac);
    await setNetSysctls({ [`ipv6/conf/${tap}/disable_ipv6`]: 1 });
    await changeLinks([
      ...settingsLines(bridge, bridgeFound, { address: formatMac(bridgeMac), alias: ALIAS }),
      ...settingsLines(tap, kept, {
        address: formatMac(tapMac),
        mtu,
        gso_max_segs: gsoMaxSegs,
        master: bridge,
        alias: ALIAS,
        up: true,
      }),
    ]);
    await joinAsGateway(bridge, bridgeFound, mtu, gateway);
  } catch (error) {
    closeTap(device);
    // What an earlier run left stays for the next try: containers may be behind it.
    if (bridgeFound === undefined) await removeBridge(network);
    throw error;
  }
  return device;
}

/** The bridge of a network that this VM has for itself: it ends there. Throws as {@link makeBridge}. */
export async function makeLocalBridge(
  network: string,
  { mtu, gateway }: { readonly mtu: number; readonly gateway: OwnGateway },
): Promise<void> {
  const bridge = bridgeName(network);
  const mac = parseMac(gateway.mac);
  const found = findOurs(await listLinks(), bridge, 'bridge', mac);
  try {
    if (found === undefined) await addBridge(bridge, mac);
    await changeLinks(settingsLines(bridge, found, { address: gateway.mac, alias: ALIAS }));
    await joinAsGateway(bridge, found, mtu, gateway);
  } catch (error) {
    if (found === undefined) await removeBridge(network);
    throw error;
  }
}

export type GatewayTapOptions = Pick<
  BridgeOptions,
  'mtu' | 'gsoMaxSegs' | 'superFrames' | 'queues' | 'passed'
> & {
  readonly gateway: OwnGateway;
};

/** The gateway of a network whose containers have TAPs of their own: one more of these, for the VM. Throws as {@link makeBridge}. */
export async function makeGatewayTap(network: string, options: GatewayTapOptions): Promise<TapDevice> {
  const { mtu, gsoMaxSegs, superFrames, queues, passed, gateway } = options;
  const tap = bridgeTapName(network);
  const found = findOurs(await listLinks(), tap, 'tun', parseMac(gateway.mac));
  const { device, kept } = await openBridgeTap(tap, { queues, superFrames, passed }, found);
  try {
    const settings = { master: null, address: gateway.mac, gso_max_segs: gsoMaxSegs, alias: ALIAS };
    await changeLinks(settingsLines(tap, kept, settings));
    await joinAsGateway(tap, kept, mtu, gateway);
  } catch (error) {
    closeTap(device);
    if (found === undefined) await removeLink(tap);
    throw error;
  }
  return device;
}

async function addBridge(bridge: string, mac: MacAddress): Promise<void> {
  // No multicast snooping: nobody queries on this segment, and without a querier snooping loses groups.
  await changeLinks([
    `link add name ${bridge} address ${formatMac(mac)} type bridge stp_state 0 forward_delay 0 ` +
      `mcast_snooping 0 ageing_time ${BRIDGE_AGEING_CS}`,
  ]);
}

/**
 * Brings the interface up with the addresses of the gateway and no others; without a gateway, the VM is no member of the network. `found`: as it was
 * before, if it was.
 */
async function joinAsGateway(
  dev: string,
  found: Link | undefined,
  mtu: number,
  gateway: OwnGateway | undefined,
): Promise<void> {
  const wanted = gateway === undefined ? [] : interfaceAddresses(gateway);
  const isV6 = wanted.some(address => address.includes(':'));
  await setNetSysctls({
    // None that the kernel thinks of by itself, and no probing for another one with the same: there is one on every VM.
    [`ipv6/conf/${dev}/addr_gen_mode`]: IN6_ADDR_GEN_MODE_NONE,
    [`ipv6/conf/${dev}/accept_dad`]: 0,
    [`ipv6/conf/${dev}/accept_ra`]: 0,
    [`ipv6/conf/${dev}/disable_ipv6`]: isV6 ? 0 : 1,
  });
  await changeLinks(settingsLines(dev, found, { mtu, up: true }));
  const link = found ?? (await findLink(dev));
  const present = (link?.addr_info ?? [])
    // Those that were found of IPv6 have gone with disable_ipv6.
    .filter(({ local }) => isV6 || !local.includes(':'))
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  await changeLinks([
    ...present.filter(one => !wanted.includes(one)).map(one => `addr del ${one} dev ${dev}`),
    ...wanted
      .filter(one => !present.includes(one))
      .map(one => `addr add ${one} dev ${dev}${one.includes(':') ? ' nodad' : ''}`),
  ]);
}

/**
 * A TAP that an earlier run made for another number of queues gives way: nothing hangs on it but its place in the bridge. Returns the open one, and as what
 * it was found, if it is still the same.
 */
async function openBridgeTap(
  name: string,
  { passed, ...options }: Pick<BridgeOptions, 'passed' | 'queues' | 'superFrames'>,
  found: Link | undefined,
): Promise<{ readonly device: TapDevice; readonly kept: Link | undefined }> {
  const device = openTap({ name, persist: true, passed, ...options });
  const isFitting = device.multiQueue === (options.queues > 1 && canSteer());
  if (found === undefined || isFitting) return { device, kept: found };
  closeTap(device);
  await removeLink(name);
  return { device: openTap({ name, persist: true, ...options }), kept: undefined };
}

/** Undefined if there is no such link. Throws `conflict` if there is one that weft did not make. */
function findOurs(
  links: readonly Link[],
  name: string,
  kind: 'bridge' | 'tun',
  mac: MacAddress,
): Link | undefined {
  const link = links.find(({ ifname }) => ifname === name);
  if (link === undefined) return undefined;
  // By its MAC: one that an earlier run was killed over, between making it and naming it ours.
  const isKnown = link.ifalias === ALIAS || link.address === formatMac(mac);
  // A TAP that is still down and in no bridge is just made: it gets its MAC only later.
  const isNew = kind === 'tun' && !link.flags.includes('UP') && link.master === undefined;
  if (link.linkinfo?.info_kind === kind && (isKnown || isNew)) return link;
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
  const names = (await listLinks())
    .filter(link => link.ifalias === ALIAS)
    .flatMap(({ ifname }) => {
      const prefix = [bridgeName(''), bridgeTapName('')].find(one => ifname.startsWith(one));
      return prefix === undefined ? [] : [ifname.slice(prefix.length)];
    });
  const unused = [...new Set(names)].filter(network => !isUsed(network));
  for (const network of unused) await removeBridge(network);
  return unused;
}
