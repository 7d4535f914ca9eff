/**
 * What goes wrong on the way to a machine, by rules of nftables in its namespace. They act on what it receives, so each direction
 * of a path is hit once, at its end. A rule on what is sent would be no loss: the sender is told (EPERM).
 */
import type { Host } from './host.ts';

const TABLE = 'inet impairment';

/** Before conntrack and everything else that may be there. */
const PRIORITY = -300;

/** Loses this share of what comes from or to a port, TCP and UDP. Replaces what was wrong before. */
export async function losePackets(
  host: Host,
  { port, percent }: { readonly port: number; readonly percent: number },
): Promise<void> {
  const lose = `numgen random mod 100 < ${percent} counter drop`;
  await impair(host, [
    `meta l4proto { tcp, udp } th dport ${port} ${lose}`,
    // A packet from the port to the port has had its chance.
    `meta l4proto { tcp, udp } th sport ${port} th dport != ${port} ${lose}`,
  ]);
}

/** Loses all that comes from these IPv4 addresses. Replaces what was wrong before. */
export async function cutFrom(host: Host, addresses: readonly string[]): Promise<void> {
  await impair(host, [`ip saddr { ${addresses.join(', ')} } counter drop`]);
}

/** Nothing goes wrong any more. */
export async function mend(host: Host): Promise<void> {
  await nft(host, [`add table ${TABLE}`, `delete table ${TABLE}`]);
}

/** How many packets were lost by the rules of the moment: a test that impairs nothing must not pass. */
export async function lostPackets(host: Host): Promise<number> {
  const { stdout } = await host.exec('nft', ['list', 'table', ...TABLE.split(' ')]);
  return sumOfCounters(stdout);
}

/** Packets of all counters in a listing of nft. */
export function sumOfCounters(listing: string): number {
  return [...listing.matchAll(/counter packets (\d+)/g)].reduce(
    (sum, [, packets]) => sum + Number(packets),
    0,
  );
}

async function impair(host: Host, rules: readonly string[]): Promise<void> {
  const chain = [`type filter hook input priority ${PRIORITY}; policy accept;`, ...rules];
  await nft(host, [
    `add table ${TABLE}`,
    `delete table ${TABLE}`,
    `table ${TABLE} {\nchain input {\n${chain.join('\n')}\n}\n}`,
  ]);
}

/** All in one transaction. */
async function nft(host: Host, commands: readonly string[]): Promise<void> {
  await host.exec('nft', ['-f', '-'], { input: `${commands.join('\n')}\n` });
}
