/**
 * The kernel is the judge of what is answered in others' names. In one namespace:
 *
 *   kernel, 198.18.0.1 and 2001:db8:18::1 ── TAP ── Forwarder, with fake claims
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { type MacAddress, parseIp, parseVni } from './address.ts';
import { Arena } from './arena.ts';
import { checksumCompleter } from './checksum-completer.ts';
import type { Claim } from './claims.ts';
import { delay, systemClock } from './clock.ts';
import { Forwarder } from './forwarder.ts';
import { LocalPort } from './local-port.ts';
import { ip, makeNamespace } from './native/testing/namespace.ts';
import { Network } from './network.ts';
import { NativeTapPort } from './tap.ts';
import { openTap } from './tap-device.ts';
import { claimOf } from './testing/claims.ts';
import { type Station, station } from './testing/frames.ts';
import { macHex } from './testing/neighbor-frames.ts';
import { VtepTable } from './vtep-table.ts';

const [OWN, PEER] = [parseIp('192.0.2.1'), parseIp('192.0.2.2')];
const [US, B, SUCCESSOR] = [station(1), station(2), { ...station(2), mac: station(66).mac }];
const PATIENCE_MS = 20_000;

interface Rig {
  readonly network: Network;
  /** Runs a program in the namespace, while frames go on; what it prints. */
  readonly run: (...words: readonly string[]) => Promise<string>;
  /** What the datapath does with the command. */
  readonly claim: (set: readonly Claim[], remove?: readonly MacAddress[]) => void;
}

async function openRig(t: ExecutionContext): Promise<Rig> {
  const { name, path } = makeNamespace(t);
  const arena = new Arena();
  const vteps = new VtepTable();
  const forwarder = new Forwarder({
    arena: arena.view,
    answerArea: arena.scratchOffset,
    completeChecksum: checksumCompleter({ arena }),
    vteps,
    hashSeed: 1,
  });
  const network = new Network(
    { clock: systemClock, time: { ms: new Float64Array(1) } },
    { name: 'blue', vni: parseVni(42), mtu: 1450, own: OWN },
  );
  forwarder.addNetwork(network);
  network.setVteps('gossip', [vteps.intern(PEER, 4789)]);
  const { fd } = openTap({ name: 'eth0', netnsPath: path, persist: false });
  const port = new LocalPort('eth0');
  const tap = new NativeTapPort(
    { arena },
    { fd },
    {
      onFrames: (batch, count) => forwarder.onTapFrames(network, port, batch, count),
      onLost: errno => t.fail(`the TAP was lost: ${errno}`),
    },
  );
  t.teardown(() => tap.close());
  port.use(tap);
  network.addPort(port);
  const run = async (...words: readonly string[]) =>
    (await promisify(execFile)('ip', ['netns', 'exec', name, ...words])).stdout;
  // Several probes, a second each: this machine may be busy.
  const settings = ['all.disable_ipv6=0', 'eth0.accept_dad=1', 'eth0.dad_transmits=5'];
  await run('sysctl', '-qw', ...settings.map(setting => `net.ipv6.conf.${setting}`));
  ip('-n', name, 'address', 'add', `${US.ipv4}/24`, 'dev', 'eth0');
  ip('-n', name, 'link', 'set', 'dev', 'eth0', 'up');
  ip('-n', name, 'address', 'add', `${US.ipv6}/64`, 'dev', 'eth0', 'nodad');
  return {
    network,
    run,
    claim: (set, remove = []) => {
      network.claims.change({ set, remove });
      forwarder.announce(network, network.neighbors.takeMoved());
    },
  };
}

/** Waits until the kernel's words match. */
async function until(t: ExecutionContext, read: () => Promise<string>, expected: RegExp): Promise<void> {
  const end = systemClock.now() + PATIENCE_MS;
  while (!expected.test(await read()) && systemClock.now() < end) await delay(systemClock, 20);
  t.regex(await read(), expected);
}

/** Makes the kernel ask for an address, by a datagram to it; what it knows of its neighbour then. */
const asked =
  ({ run }: Rig, address: string) =>
  async () => {
    await run('bash', '-c', `echo > /dev/udp/${address}/9 || true`);
    return run('ip', 'neigh', 'show', address, 'dev', 'eth0');
  };

const lladdr = ({ mac }: Station, states: string) =>
  new RegExp(`lladdr ${macHex(mac).replace(/(..)(?!$)/g, '$1:')} .*(${states})`);

for (const family of ['ipv4', 'ipv6'] as const) {
  test.serial(`${family}: the kernel believes an answer, and an announcement of another station`, async t => {
    const rig = await openRig(t);
    rig.claim([claimOf(B, PEER)]);
    await until(t, asked(rig, B[family]), lladdr(B, 'REACHABLE'));
    t.deepEqual(rig.network.drops.snapshot().arp_malformed, undefined);
    t.deepEqual(rig.network.drops.snapshot().nd_malformed, undefined);
    rig.claim([claimOf(SUCCESSOR, PEER)], [B.mac]);
    const known = () => rig.run('ip', 'neigh', 'show', B[family], 'dev', 'eth0');
    await until(t, known, lladdr(SUCCESSOR, 'STALE|REACHABLE|DELAY|PROBE'));
  });
}

test.serial(
  'IPv6: an address that another claims is found to be a duplicate, one that nobody claims is not',
  async t => {
    const rig = await openRig(t);
    rig.claim([claimOf(B, PEER)]);
    await rig.run('ip', 'address', 'add', `${B.ipv6}/64`, 'dev', 'eth0');
    await rig.run('ip', 'address', 'add', `${station(3).ipv6}/64`, 'dev', 'eth0');
    const shown = (address: string) => () =>
      rig.run('ip', '-6', 'address', 'show', 'dev', 'eth0', 'to', address);
    await until(t, shown(B.ipv6), /dadfailed/);
    const free = shown(station(3).ipv6);
    await until(t, free, /^(?![\s\S]*tentative)[\s\S]*inet6/);
    t.notRegex(await free(), /dadfailed/);
  },
);
