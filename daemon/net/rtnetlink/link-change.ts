/** One change of a link: as bytes for the kernel, and in words for people. */
import type { NetMessage } from '../../../dataplane/net-change.ts';
import {
  deleteLink,
  type LinkSettings,
  type Macvlan,
  newAddress,
  newMacvlan,
  newVeth,
  setLink,
  type Veth,
} from './link-messages.ts';
import { deleteRoute, newRoute, type RouteSettings } from './route-messages.ts';

export type LinkChange =
  | ({ readonly kind: 'add-veth' } & Veth)
  | ({ readonly kind: 'add-macvlan' } & Macvlan)
  | ({ readonly kind: 'set'; readonly dev: string } & LinkSettings)
  | { readonly kind: 'delete'; readonly dev: string }
  /** `address`: with its prefix length. */
  | { readonly kind: 'add-address'; readonly dev: string; readonly address: string }
  | ({ readonly kind: 'add-route' | 'delete-route'; readonly dev: string } & RouteSettings);

export function messageOf(change: LinkChange): NetMessage {
  switch (change.kind) {
    case 'add-veth':
      return newVeth(change);
    case 'add-macvlan':
      return newMacvlan(change);
    case 'set':
      return setLink(change.dev, change);
    case 'delete':
      return deleteLink(change.dev);
    case 'add-address':
      return newAddress(change.dev, change.address);
    case 'add-route':
      return newRoute(change.dev, change);
    case 'delete-route':
      return deleteRoute(change.dev, change);
  }
}

/** The `ip` command that does the same: what an operator knows how to read, and can try. */
export function commandOf(change: LinkChange): string {
  switch (change.kind) {
    case 'add-veth': {
      const { name, mtu, peer } = change;
      const options = words({ address: peer.mac, mtu: peer.mtu, netns: peer.netns });
      return `ip link add name ${name} mtu ${mtu} type veth peer name ${peer.name}${options}`;
    }
    case 'add-macvlan': {
      const { name, parent, mode, mac, mtu, netns } = change;
      const options = words({ address: mac, mtu, netns });
      return `ip link add link ${parent} name ${name}${options} type macvlan mode ${mode}`;
    }
    case 'set': {
      const { dev, mac, mtu, master, netns, rename, gsoMaxSegs, up } = change;
      const options = words({ address: mac, mtu, master, netns, name: rename, gso_max_segs: gsoMaxSegs });
      const state = up === undefined ? '' : up ? ' up' : ' down';
      return `ip link set dev ${dev}${options}${state}`;
    }
    case 'delete':
      return `ip link del dev ${change.dev}`;
    case 'add-address':
      return `ip addr add ${change.address} dev ${change.dev}${change.address.includes(':') ? ' nodad' : ''}`;
    case 'add-route':
    case 'delete-route': {
      const { dst, gateway, dev, priority, table, scope, mtu, advmss, ofAddress } = change;
      const options = words({ via: gateway, dev, metric: priority, table, scope, mtu, advmss });
      const origin = ofAddress === undefined ? 'static' : 'kernel';
      return `ip route ${change.kind === 'add-route' ? 'add' : 'del'} ${dst}${options} proto ${origin}`;
    }
  }
}

function words(options: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(options)
    .flatMap(([name, value]) => (value === undefined ? [] : [` ${name} ${value}`]))
    .join('');
}
