/**
 * How an interface keeps to its rates (ADR 32). A queueing discipline works on what a device sends: from the container that is its own
 * interface, to it the host's end of the pair. Where there is no such end, what comes in makes a detour by an ifb.
 *
 *   bridge:        wf-NAME ──► wv… (tbf) ──► eth0          eth0 (tbf) ──► wv…
 *   tap, macvlan:  eth0 (ingress) ──► wb… (tbf) ──► eth0   eth0 (tbf) ──► its other side
 */
import { changeLinks } from '../net/ip.ts';
import { changeLinkSteps } from '../net/link-steps.ts';
import { locateNetns } from '../net/netns.ts';
import { isRedirected, redirectIngress } from '../net/redirect.ts';
import { readLink, removeLinkIfThere } from '../net/rtnetlink/links.ts';
import { hasTokenBucket, setTokenBucket } from '../net/token-bucket.ts';
import { tokenBucket } from './bandwidth.ts';
import { type Endpoint, netnsPathOf } from './endpoint.ts';
import { detourName } from './names.ts';

/** Has its links keep to the rates of the endpoint; again puts back what is missing. Throws `system`, or `unavailable` where there is no `tc`. */
export async function shape(endpoint: Endpoint): Promise<void> {
  const { attach, bandwidth: { ingress, egress } = {}, hostLink, ifname, mtu } = endpoint;
  const inside = netnsPathOf(endpoint);
  if (ingress !== undefined && attach === 'bridge') await setTokenBucket(hostLink, tokenBucket(ingress, mtu));
  // The container may have renamed its interface: then that keeps what it has.
  if ((await readLink(ifname, inside)) === undefined) return;
  if (egress !== undefined) await setTokenBucket(ifname, tokenBucket(egress, mtu), inside);
  if (ingress === undefined || attach === 'bridge') return;
  const detour = detourName(hostLink);
  await makeDetour(detour, inside);
  await setTokenBucket(detour, tokenBucket(ingress, mtu), inside);
  await redirectIngress(ifname, detour, inside);
}

async function makeDetour(dev: string, netns: string | undefined): Promise<void> {
  if ((await readLink(dev, netns)) === undefined) await changeLinks([`link add dev ${dev} type ifb`], netns);
  await changeLinkSteps([
    {
      ...(netns !== undefined && { netns }),
      // It carries what is others'; of itself it says nothing.
      sysctls: { [`ipv6/conf/${dev}/disable_ipv6`]: 1 },
      changes: [{ kind: 'set', dev, up: true }],
    },
  ]);
}

/** Takes away what does not go with the interface. */
export async function unshape({ attach, bandwidth, hostLink, netns }: Endpoint): Promise<void> {
  if (bandwidth?.ingress === undefined || attach === 'bridge') return;
  const path = await locateNetns(netns);
  if (path !== undefined) await removeLinkIfThere(detourName(hostLink), path);
}

/** In words, which of its rates it does not keep to; empty: none. `netns` is a path. */
export async function brokenShaping(
  { attach, bandwidth: { ingress, egress } = {}, hostLink, ifname }: Endpoint,
  netns: string,
): Promise<readonly string[]> {
  const isSound = {
    egress: async (rate: number) => hasTokenBucket(ifname, rate, netns),
    async ingress(rate: number) {
      if (attach === 'bridge') return await hasTokenBucket(hostLink, rate);
      const detour = detourName(hostLink);
      if ((await readLink(detour, netns)) === undefined) return false;
      return (await hasTokenBucket(detour, rate, netns)) && (await isRedirected(ifname, detour, netns));
    },
  };
  const broken: string[] = [];
  if (ingress !== undefined && !(await isSound.ingress(ingress.rate)))
    broken.push(`is not limited to ${ingress.rate} bit/s of ingress`);
  if (egress !== undefined && !(await isSound.egress(egress.rate)))
    broken.push(`is not limited to ${egress.rate} bit/s of egress`);
  return broken;
}
