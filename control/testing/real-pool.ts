/** Nodes of the control plane on real sockets of loopback. */
import type { ExecutionContext } from 'ava';
import { type IpAddress, parseIp, parseVni } from '../../dataplane/address.ts';
import { delay, systemClock } from '../../dataplane/clock.ts';
import { Gossip, type GossipOptions } from '../gossip.ts';
import { systemRandom } from '../random.ts';
import { weftTags } from '../tags.ts';

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export async function startWeft(
  t: ExecutionContext,
  name: string,
  address: IpAddress,
  options: Partial<GossipOptions> = {},
): Promise<Gossip> {
  const tags = weftTags({ vtep: parseIp('192.0.2.1'), port: 4789, vnis: [parseVni(42)] });
  const gossip = new Gossip(
    { clock: systemClock, random: systemRandom, log },
    { name, address, port: 0, join: [], tags, ...options },
  );
  t.teardown(() => gossip.close());
  await gossip.start();
  return gossip;
}

/** Where to join it. */
export function endpointOf(gossip: Gossip): string {
  const self = gossip.self();
  return `${self?.address}:${self?.port}`;
}

export async function until(condition: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  for (const end = systemClock.now() + ms; systemClock.now() < end; ) {
    if (await condition()) return true;
    await delay(systemClock, 50);
  }
  return condition();
}

export const stateOf = (gossip: Gossip, name: string) =>
  gossip.members().find(member => member.name === name)?.state;
