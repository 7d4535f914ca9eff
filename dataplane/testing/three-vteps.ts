/**
 * Three VTEPs on fake ports that all carry one network and know each other by gossip, with one container each.
 */
import { BROADCAST_MAC, parseIp, parseVni } from '../address.ts';
import { writeDestinationMac } from '../headers/ethernet.ts';
import type { Network } from '../network.ts';
import { arpFrame, type Station, station, udpFrame, viewOf } from './frames.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryUdpNetwork } from './memory-ports.ts';
import { MemoryArena, MemoryPump } from './memory-pump.ts';
import { type NetworkRules, type VirtualContainer, VirtualVtep } from './virtual-vtep.ts';

export const BLUE = parseVni(42);
export const RED = parseVni(43);
export const ADDRESSES = [parseIp('192.0.2.1'), parseIp('192.0.2.2'), parseIp('192.0.2.3')] as const;
export const STRANGER = parseIp('192.0.2.99');

export interface Host {
  readonly vtep: VirtualVtep;
  readonly network: Network;
  readonly container: VirtualContainer;
}

export class World {
  readonly pump = new MemoryPump();
  readonly clock = new ManualClock();
  readonly arena = new MemoryArena(32 * 1024 * 1024);
  readonly underlay = new MemoryUdpNetwork({ arena: this.arena, pump: this.pump });
  readonly hosts: readonly [Host, Host, Host];

  constructor(rules: NetworkRules = {}) {
    this.hosts = [this.host(0, rules), this.host(1, rules), this.host(2, rules)];
  }

  private host(index: 0 | 1 | 2, rules: NetworkRules): Host {
    const vtep = new VirtualVtep({ ...this, underlay: this.underlay }, { address: ADDRESSES[index] });
    const network = vtep.addNetwork(BLUE, ADDRESSES, rules);
    return { vtep, network, container: vtep.addContainer(network, `c${index + 1}`) };
  }

  /** What arrives at host 0 as if `from` had sent it. */
  inject(bytes: Uint8Array, from = ADDRESSES[1], tos = 0): void {
    this.underlay.inject({ from, fromPort: 50_000, to: ADDRESSES[0], toPort: 4789, tos, bytes });
    this.pump.deliver();
  }
}

export const [A, B, C] = [station(1), station(2), station(3)] as const;

export function unicast(from: Station, to: Station, sourcePort = 40_000): Uint8Array {
  return udpFrame({ from, to, sourcePort });
}

export function broadcast(from: Station): Uint8Array {
  const frame = arpFrame(1, { from });
  writeDestinationMac(viewOf(frame), 0, BROADCAST_MAC);
  return frame;
}
