/** The traffic of containers on every rung of the offload ladder, in both attach modes, with every kind of peer. */
import test, { type ExecutionContext } from 'ava';
import { exchange } from '../lab/exchange.ts';
import { expectedDigest } from '../lab/stream.ts';
import { SUPER_DATAGRAMS_SENT, sendSuperDatagrams } from '../lab/super-datagrams.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { StatusReport } from '../operations.ts';
import { assertPing } from './overlay.ts';
import {
  lossLines,
  MULTICAST_GROUP,
  MULTICAST_PORT,
  type Rung,
  RungLab,
  type RungNetwork,
  standing,
} from './rung-lab.ts';

type States = StatusReport['dataplane']['offloads'];

interface Case extends Rung {
  /** What `weft status` says of the offloads afterwards; the others are `on`. */
  readonly states: Partial<States>;
}

const ALL_ON = { udp_segment: 'on', udp_gro: 'on', tap_tso: 'on', tap_uso: 'on', io_uring: 'on' } as const;
const KEYS = Object.keys(ALL_ON) as (keyof typeof ALL_ON)[];

function all<const State extends string>(state: State): Record<keyof typeof ALL_ON, State> {
  return { udp_segment: state, udp_gro: state, tap_tso: state, tap_uso: state, io_uring: state };
}

/** The errno with which each is refused while running. */
const REFUSALS = {
  udp_segment: 'udp-segment=EIO',
  udp_gro: 'udp-gro=EIO',
  tap_tso: 'tap-tso=EINVAL',
  tap_uso: 'tap-uso=EINVAL',
  io_uring: 'io-uring=EOPNOTSUPP',
} as const;
const MISSING =
  'udp-segment@start=ENOPROTOOPT,udp-gro@start=ENOPROTOOPT,tap-tso@start=EINVAL,tap-uso@start=EINVAL,io-uring@start=EPERM';

const CASES: readonly Case[] = [
  { title: 'all on', states: {} },
  ...KEYS.map(
    (key): Case => ({
      title: `${key} off`,
      offload: { [key]: 'off' as const },
      states: { [key]: 'off' as const },
    }),
  ),
  {
    title: 'everything off',
    offload: { ...all('off'), tunnel_gso: 'off' },
    states: { ...all('off'), tunnel_gso: 'off' },
  },
  ...KEYS.map((key): Case => ({ title: `${key} lost`, inject: REFUSALS[key], states: { [key]: 'lost' } })),
  { title: 'everything lost', inject: Object.values(REFUSALS).join(), states: all('lost') },
  { title: 'everything unavailable', inject: MISSING, states: all('unavailable') },
];

/** Enough for some fifty super-frames to each address, each way. */
const STREAM_BYTES = 3_000_000;
/** Tiny, a run of equal ones, full frames of IPv6 (1450 − 48) and of IPv4 (1450 − 28), and what IP has to fragment. */
const DATAGRAMS = [1, 64, ...Array<number>(20).fill(1200), 7, 1401, 1402, 1403, 1421, 1422, 1423, 9000];

let lab: RungLab;
test.before(async () => {
  lab = await RungLab.create();
});
test.after.always(async () => {
  await lab?.destroy();
});

/** TCP both ways hashed, and datagrams with their boundaries, to each peer over IPv4 and IPv6. */
async function assertExchange(t: ExecutionContext, { a, b, kernel, ovs }: RungNetwork): Promise<void> {
  const addresses = [b, kernel, ovs].flatMap(({ v4, v6 }) => [v4, v6]);
  const reports = await exchange(a.container, addresses, STREAM_BYTES, DATAGRAMS);
  const digest = expectedDigest(STREAM_BYTES);
  const datagrams = DATAGRAMS.map(bytes => ({ bytes, echoes: 1, intact: true }));
  t.deepEqual(
    reports,
    addresses.map(address => ({ address, up: digest, down: digest, datagrams })),
  );
}

/**
 * Small and full-size pings, to all peers at once. Ten a second: after the last one, ping waits for no longer than its
 * interval, and this machine may be busy.
 */
async function assertPings(t: ExecutionContext, { a, b, kernel, ovs }: RungNetwork): Promise<void> {
  const options = { count: 5, intervalS: 0.1 };
  const pings = [b, kernel, ovs].flatMap(({ v4, v6 }) => [
    assertPing(t, a.container, v4, { ...options, dontFragment: true, size: 1450 - 28 }),
    assertPing(t, a.container, v6, { ...options, dontFragment: true, size: 1450 - 48 }),
  ]);
  await Promise.all([...pings, assertPing(t, b.container, a.v4, options)]);
}

/** One multicast and one broadcast datagram reach every other container of the network once. */
async function assertFlooded(t: ExecutionContext, network: RungNetwork, token: string): Promise<void> {
  const { a, b, kernel, ovs } = network;
  const broadcast = a.v4.replace(/\.\d+$/, '.255');
  const groups = `${MULTICAST_GROUP},${broadcast}`;
  await a.container.tool('multicast-send', [groups, MULTICAST_PORT, a.v4, token]);
  const line = `{"from":"${a.v4}","text":"${token}"}`;
  for (const { listener, container } of [b, kernel, ovs]) {
    const heard = () => listener.stdout.split('\n').filter(text => text === line).length;
    await waitFor(() => heard() >= 2, { what: `both datagrams at ${container.name}` });
    t.is(heard(), 2, `at ${container.name}`);
  }
}

async function assertTraffic(t: ExecutionContext, network: RungNetwork, token: string): Promise<void> {
  const { a, b } = network;
  await assertFlooded(t, network, token);
  await assertPings(t, network);
  await assertExchange(t, network);
  for (const [from, to] of [[a, b] as const, [b, a] as const]) {
    for (const address of [to.v4, to.v6]) {
      const arrived = await sendSuperDatagrams(from.container, to.container, address);
      t.deepEqual(arrived, SUPER_DATAGRAMS_SENT, `from ${from.container.name} to ${address}`);
    }
  }
}

for (const [i, rung] of CASES.entries()) {
  test.serial(`rungs: ${rung.title}`, async t => {
    try {
      if (i > 0) await lab.climb(rung);
      await lab.settle();
      const machines = [lab.a, lab.b];
      const before = await Promise.all(machines.map(standing));
      // One after the other: a ping beside a stream is lost in the ring of a veth, with any overlay and with none.
      for (const network of lab.networks) await assertTraffic(t, network, `rung ${i}`);
      const after = await Promise.all(machines.map(standing));
      const lost = KEYS.filter(key => rung.states[key] === 'lost').map(key => key.replace('_', '-'));
      for (const [m, vm] of machines.entries()) {
        t.like(after[m]?.offloads, { ...ALL_ON, ...rung.states }, vm.name);
        t.deepEqual(after[m]?.drops, before[m]?.drops, vm.name);
        const told = lossLines(vm).map(({ offload }) => offload);
        t.deepEqual(told.toSorted(), lost.toSorted(), `${vm.name} tells each once`);
      }
    } catch (error) {
      t.log(lab.report());
      throw error;
    }
  });
}
