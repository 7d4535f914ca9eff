/** What somebody may delete or change of weft's, by mode, and as what weft counts having put it back. */
import type { DriftObject } from '../drift/drift-counts.ts';
import type { DriftMode, Scene } from './drift-scene.ts';

export interface Damage {
  readonly what: string;
  readonly object: DriftObject;
  readonly to: (scene: Scene) => Promise<unknown>;
}

function inside(what: string, object: DriftObject, command: string): Damage {
  return { what, object, to: ({ container }) => container.ip(command) };
}

function onHost(what: string, object: DriftObject, command: string): Damage {
  return { what, object, to: ({ a }) => a.ip(command) };
}

/** What a batch of `ip` cannot say. */
function insideOfIpv6(what: string, object: DriftObject, ...args: readonly string[]): Damage {
  return { what, object, to: ({ container }) => container.exec('ip', ['-6', ...args]) };
}

function ofHostLink(what: string, object: DriftObject, change: string): Damage {
  return { what, object, to: async ({ a, container }) => await a.ip(await ofPair(a, container, change)) };
}

/** `link … dev` of the end on the host of the pair that leads to the container. */
async function ofPair(a: Scene['a'], container: Scene['container'], change: string): Promise<string> {
  const peer = (await container.ipJson<{ link_index: number }[]>('link', 'show', 'dev', 'eth0'))[0]
    ?.link_index;
  const link = (await a.links()).find(({ ifindex }) => ifindex === peer);
  if (link === undefined) throw new Error('there is no pair');
  return change.replace('PAIR', link.ifname);
}

const INSIDE: readonly Damage[] = [
  inside('interface of the container', 'interface', 'link del dev eth0'),
  inside('its addresses', 'address', 'addr flush dev eth0'),
  inside('its interface set down', 'state', 'link set dev eth0 down'),
  inside('its MTU', 'mtu', 'link set dev eth0 mtu 1400'),
  inside('its default route', 'route', 'route del default dev eth0'),
  inside('its route of the request', 'route', 'route del 203.0.113.0/24 dev eth0'),
  inside('its routes of IPv4, all', 'route', 'route flush dev eth0'),
];

const INSIDE_OF_IPV6: readonly Damage[] = [
  inside('its address of IPv6', 'address', 'addr del 2001:db8:18::11/64 dev eth0'),
  insideOfIpv6('its default route of IPv6', 'route', 'route', 'del', 'default', 'dev', 'eth0'),
  insideOfIpv6('its routes of IPv6, all', 'route', 'route', 'flush', 'dev', 'eth0', 'proto', 'kernel'),
  // Below what IPv6 takes (RFC 8200 section 5): the kernel takes all of it off the interface.
  inside('its MTU, below that of IPv6', 'mtu', 'link set dev eth0 mtu 1200'),
];

const PAIR: readonly Damage[] = [
  ofHostLink('pair deleted on the host', 'interface', 'link del dev PAIR'),
  ofHostLink('pair taken out of the bridge', 'port', 'link set dev PAIR nomaster'),
  ofHostLink('pair set down on the host', 'state', 'link set dev PAIR down'),
  ofHostLink('MTU of the pair on the host', 'mtu', 'link set dev PAIR mtu 1400'),
];

/** Of the device that has the addresses of the gateway. */
function ofGateway(dev: string): readonly Damage[] {
  return [
    onHost(`${dev} deleted`, 'device', `link del dev ${dev}`),
    onHost(`${dev} set down`, 'state', `link set dev ${dev} down`),
    onHost(`MTU of ${dev}`, 'mtu', `link set dev ${dev} mtu 1400`),
    onHost(`gateway address of ${dev}`, 'address', `addr del 198.18.0.1/24 dev ${dev}`),
    onHost(`all addresses of ${dev}`, 'address', `addr flush dev ${dev}`),
    onHost(`route to the subnet by ${dev}`, 'route', `route del 198.18.0.0/24 dev ${dev}`),
  ];
}

const BRIDGE_TAP: readonly Damage[] = [
  onHost('TAP of the bridge', 'device', 'link del dev wt-blue'),
  onHost('TAP taken out of the bridge', 'port', 'link set dev wt-blue nomaster'),
  onHost('TAP of the bridge set down', 'state', 'link set dev wt-blue down'),
  onHost('MTU of the TAP of the bridge', 'mtu', 'link set dev wt-blue mtu 1400'),
];

function ofGateway6(dev: string): readonly Damage[] {
  const del = `addr del 2001:db8:18::1/64 dev ${dev}`;
  const route = ['-6', 'route', 'del', '2001:db8:18::/64', 'dev', dev];
  return [
    onHost(`gateway address of IPv6 of ${dev}`, 'address', del),
    {
      what: `route to the subnet of IPv6 by ${dev}`,
      object: 'route',
      to: ({ a }) => a.exec('ip', route),
    },
  ];
}

export const DAMAGES: Readonly<Record<DriftMode, readonly Damage[]>> = {
  bridge: [
    ...[...INSIDE, ...INSIDE_OF_IPV6, ...PAIR],
    ...[...ofGateway('wf-blue'), ...ofGateway6('wf-blue'), ...BRIDGE_TAP],
  ],
  tap: [...INSIDE, ...INSIDE_OF_IPV6, ...ofGateway('wt-blue'), ...ofGateway6('wt-blue')],
  'mode bridge': [...PAIR, ...ofGateway('wf-apps')],
  'mode macvlan': INSIDE,
};
