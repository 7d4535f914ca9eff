/**
 * Packets that are lost on the way to a machine, by rules of nftables in its namespace. They act on what it receives, so each
 * direction of a path is hit once, at its end. A rule on what is sent would be no loss: the sender is told (EPERM).
 */
import type { Host } from './host.ts';
import { CommandError } from './run-command.ts';

const TABLE = 'impairment';

/** The port of the discard service (RFC 863): nobody listens, and no test uses it. */
const PROBE_PORT = 9;

/** Where rules may hang: at the way into the machine, or at the way into each of its links, if the first sees nothing. */
export type Hook = 'inet' | 'netdev';

/** Rules were accepted and yet see no packet on this machine: what it has to say to that. */
export class NoImpairment extends Error {
  override readonly name = 'NoImpairment';
}

/** Loses this share of what comes from or to a port, TCP and UDP. Throws NoImpairment where no rule sees a packet. */
export async function losePackets(
  host: Host,
  options: { readonly port: number; readonly percent: number },
): Promise<Hook> {
  const seen: string[] = [];
  for (const hook of ['inet', 'netdev'] as const) {
    await load(host, hook, lossRules(options));
    if (await sees(host, hook)) return hook;
    seen.push(await describe(host, hook));
    await host.exec('nft', ['delete', 'table', hook, TABLE]);
  }
  throw new NoImpairment(
    `nftables rules of ${host.name} see no packets on this machine:\n${seen.join('\n')}`,
  );
}

/** How many packets were lost by these rules: a test that impairs nothing must not pass. */
export async function lostPackets(host: Host, hook: Hook): Promise<number> {
  return await packets(host, hook, 'lost');
}

/** In the syntax of nft(8). */
export function lossRules(options: { readonly port: number; readonly percent: number }): readonly string[] {
  const { port, percent } = options;
  const lose = `numgen random mod 100 < ${percent} counter name lost drop`;
  return [
    `udp dport ${PROBE_PORT} counter name probe`,
    `meta l4proto { tcp, udp } th dport ${port} ${lose}`,
    // A packet from the port to the port has had its chance.
    `meta l4proto { tcp, udp } th sport ${port} th dport != ${port} ${lose}`,
  ];
}

/** Packets of a counter, in what `nft -j list counter` prints. */
export function packetsOf(listing: string): number {
  const { nftables } = JSON.parse(listing) as { nftables: readonly { counter?: { packets: number } }[] };
  const counter = nftables.find(entry => entry.counter !== undefined)?.counter;
  if (counter === undefined) throw new Error(`nft lists no counter: ${listing}`);
  return counter.packets;
}

async function load(host: Host, hook: Hook, rules: readonly string[]): Promise<void> {
  const devices = (await host.links()).map(({ ifname }) => ifname).filter(isWire);
  const base = {
    // Before conntrack and everything else that may be there.
    inet: 'type filter hook input priority -300; policy accept;',
    netdev: `type filter hook ingress devices = { ${devices.join(', ')} } priority 0; policy accept;`,
  }[hook];
  const table = `table ${hook} ${TABLE}`;
  const lines = [
    // One transaction; the first two so that it may be there already or not.
    `add ${table}`,
    `delete ${table}`,
    `${table} {\ncounter lost {}\ncounter probe {}\nchain input {\n${[base, ...rules].join('\n')}\n}\n}`,
  ];
  await host.exec('nft', ['-f', '-'], { input: `${lines.join('\n')}\n` });
}

/** The loopback, for the probe, and what leads out; not what weft has made. */
function isWire(ifname: string): boolean {
  return ifname === 'lo' || ifname === 'eth0';
}

/** Sends a datagram to the loopback, and looks whether the rules have met it. */
async function sees(host: Host, hook: Hook): Promise<boolean> {
  // /dev/udp is bash's own (bash(1), REDIRECTION). Nobody listens there, which a single datagram does not hear of.
  await host.exec('bash', ['-c', `echo > /dev/udp/127.0.0.1/${PROBE_PORT}`]);
  return (await packets(host, hook, 'probe')) > 0;
}

async function packets(host: Host, hook: Hook, counter: string): Promise<number> {
  const { stdout } = await host.exec('nft', ['-j', 'list', 'counter', hook, TABLE, counter]);
  return packetsOf(stdout);
}

/** What a log needs to tell why rules do nothing. */
async function describe(host: Host, hook: Hook): Promise<string> {
  const asked = [
    ['nft', '-a', 'list', 'ruleset', hook],
    ['nft', '--version'],
    ['uname', '-a'],
    ['ip', '-s', 'link', 'show'],
  ] as const;
  const answers = await Promise.all(
    asked.map(async ([command, ...args]) => {
      const { stdout, stderr } = await host.exec(command, args, { check: false }).catch(failed);
      return `$ ${[command, ...args].join(' ')}\n${stdout}${stderr}`;
    }),
  );
  return answers.join('\n');
}

function failed(error: unknown): { readonly stdout: string; readonly stderr: string } {
  return error instanceof CommandError ? error.result : { stdout: '', stderr: String(error) };
}
