/**
 * Datagrams that are wrong in every way, from a VTEP that is known and from an address that is not.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] ══╗
 *   b-c1 198.18.0.2 ── [ weft b ] ══╬══ switch          b, the known address, sprays a; so does x
 *                             x  ══╝
 */
import test, { type ExecutionContext } from 'ava';
import type { Container } from '../lab/container.ts';
import { type HostileKind, hostileDatagrams, SHORTEST_FRAME } from '../lab/hostile-datagrams.ts';
import type { Lab } from '../lab/lab.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { DropReport, PeerReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import { assertPing, attachPair, startPair, totalDrops, waitForPing } from './overlay.ts';

const VXLAN = 4789;
const GOSSIP = 7946;
const RANDOM_COUNT = 100_000;
const SEED = 20_260_722;
/** Frames that may be dropped meanwhile for reasons of their own. */
const NOISE = 200;

interface Target {
  readonly lab: Lab;
  readonly a: Vm;
  readonly b: Vm;
  /** A machine with no daemon. */
  readonly x: Vm;
  readonly c1: Container;
}

async function withTarget(
  t: ExecutionContext,
  name: string,
  body: (target: Target) => Promise<void>,
): Promise<void> {
  await inLab(t, name, async lab => {
    const pair = await startPair(lab);
    const x = await lab.addVm('x', { underlay: '192.0.2.66/24' });
    const { c1 } = await attachPair(pair);
    await waitForPing(c1, '198.18.0.2');
    const { pid } = pair.a.daemon;
    await body({ lab, ...pair, x, c1 });
    t.true(pair.a.daemon.running, pair.a.daemon.report());
    t.is(pair.a.daemon.pid, pid);
    await assertPing(t, c1, '198.18.0.2', { count: 50, intervalS: 0.01 });
    const peers = await pair.a.weftJson<PeerReport[]>('peers');
    t.deepEqual(
      peers.map(({ name: peer, state }) => [peer, state]),
      [['b', 'alive']],
      'no member came from nowhere',
    );
  });
}

/** Sprays, then waits until at least `expected` more frames are counted as dropped. */
async function assertCounted(
  t: ExecutionContext,
  target: Vm,
  from: Vm,
  spray: { port: number; kind: HostileKind; expected?: number },
): Promise<void> {
  const { port, kind } = spray;
  const what = `${kind} to port ${port} from ${from.name}`;
  const before = await dropsAtSocketAndBehind(target, port);
  const args = [target.underlay, port, kind, RANDOM_COUNT, SEED];
  const { sent } = await from.tool<{ sent: number }>('spray', args, { timeoutMs: 60_000 });
  t.is(sent, kind === 'random' ? RANDOM_COUNT : [...hostileDatagrams(kind)].length);
  const expected = spray.expected ?? sent;
  const counted = async () => (await dropsAtSocketAndBehind(target, port)) - before;
  await waitFor(async () => (await counted()) >= expected, { what: `${expected} drops of ${what}` });
  t.true((await counted()) <= sent + NOISE, `${what}: ${await counted()} counted of ${sent} sent`);
}

/**
 * What did not fit into the socket's buffer never reached the daemon: the kernel counted it. The dataplane reports the
 * same number as overflow, with a delay (SO_RXQ_OVFL comes with the next datagram), so each is counted once.
 */
async function dropsAtSocketAndBehind(vm: Vm, port: number): Promise<number> {
  const drops = await vm.weftJson<DropReport[]>('drops');
  const behind = drops.filter(({ reason }) => reason !== 'receive_queue_overflow');
  return behind.reduce((sum, { frames }) => sum + frames, 0) + (await socketDrops(vm, port));
}

/** Datagrams that the kernel dropped because the buffer of the socket with this local port was full. */
async function socketDrops(vm: Vm, port: number): Promise<number> {
  const { stdout } = await vm.exec('cat', ['/proc/net/udp', '/proc/net/udp6']);
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  // Columns as in proc_pid_net(5): the second is the local address and port, the last the drops.
  return stdout
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(columns => columns[1]?.endsWith(local))
    .reduce((sum, columns) => sum + Number(columns.at(-1)), 0);
}

for (const known of [true, false]) {
  const source = known ? 'a known VTEP' : 'an unknown address';

  test(`VXLAN port: truncations, wrong flags and wrong VNIs from ${source} are dropped and counted`, async t => {
    await withTarget(t, `wrong-${known}`, async ({ a, b, x }) => {
      const from = known ? b : x;
      // From a known VTEP, what is long enough to hold a frame is one, however little sense it makes inside.
      const truncated = { port: VXLAN, kind: 'truncated' } as const;
      await assertCounted(t, a, from, known ? { ...truncated, expected: SHORTEST_FRAME } : truncated);
      await assertCounted(t, a, from, { port: VXLAN, kind: 'wrong-flags' });
      await assertCounted(t, a, from, { port: VXLAN, kind: 'wrong-vni' });
    });
  });

  test(`VXLAN port: 100,000 random datagrams from ${source} are dropped and counted, traffic goes on`, async t => {
    await withTarget(t, `random-${known}`, async ({ a, b, x }) => {
      await assertCounted(t, a, known ? b : x, { port: VXLAN, kind: 'random' });
    });
  });

  test(`gossip port: truncations and 100,000 random datagrams from ${source} are dropped and counted`, async t => {
    await withTarget(t, `gossip-${known}`, async ({ a, b, x }) => {
      const from = known ? b : x;
      await assertCounted(t, a, from, { port: GOSSIP, kind: 'truncated-gossip' });
      await assertCounted(t, a, from, { port: GOSSIP, kind: 'random' });
    });
  });

  test(`gossip port: random TCP streams from ${source} are refused and counted`, async t => {
    await withTarget(t, `streams-${known}`, async ({ a, b, x }) => {
      const before = await totalDrops(a);
      const args = [a.underlay, GOSSIP, 200, 500, SEED];
      await (known ? b : x).tool('spray-streams', args, { timeoutMs: 60_000 });
      await waitFor(async () => (await totalDrops(a)) - before >= 200, {
        what: '200 refused streams to be counted',
      });
    });
  });
}
