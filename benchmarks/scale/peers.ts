/**
 * What many peers cost: 1 → 256 VTEPs that carry the network.
 *
 * 256 daemons do not fit on a machine of the benchmark's size, so that all peers but one are static VTEPs: addresses of
 * one machine, where one kernel vxlan takes what is sent to any of them. What gossip costs is not in these figures.
 */
import type { Lab } from '../../daemon/lab/lab.ts';
import type { Vm } from '../../daemon/lab/vm.ts';
import { pick, type ScaleBenchmark } from './bench.ts';
import { KERNEL, type MeasureInfo, Recorder } from './curve.ts';
import { Pair, VNI, WEFT_BRIDGE } from './pair.ts';

const PEERS = [1, 4, 16, 64, 256];

const TCP: MeasureInfo = {
  id: 'tcp',
  name: 'TCP to one peer, one stream',
  unit: 'Gbit/s',
  better: 'more',
  target: 0.95,
};
const FLOOD: MeasureInfo = {
  id: 'flood',
  name: 'copies of broadcast frames sent to peers',
  unit: 'thousand/s',
  better: 'more',
};
const MEMORY: MeasureInfo = { id: 'memory', name: 'memory of the daemon', unit: 'MB', better: 'less' };

export const peers: ScaleBenchmark = async ({ makeLab, log }, options) => {
  const recorder = new Recorder();
  const cells: { x: number; pair: Pair; crowd: Vm }[] = [];
  for (const x of pick(PEERS, options)) {
    for (const [i, system] of ([WEFT_BRIDGE, KERNEL] as const).entries()) {
      const lab = await makeLab({ name: `peers${x}-${i}` });
      const otherVteps = Array.from({ length: x - 1 }, (_, n) => crowdAddress(n));
      const pair = await Pair.build(lab, { system, otherVteps });
      cells.push({ x, pair, crowd: await addCrowd(lab, pair.a, otherVteps) });
      log(`peers: built ${system} with ${x}`);
    }
  }
  for (let round = 1; round <= options.rounds; round++) {
    for (const { x, pair, crowd } of cells) {
      const tcp = await pair.tcp(options.seconds);
      recorder.add(TCP, pair.system, x, tcp);
      const copies = await floodCopies(pair, crowd, options.seconds);
      recorder.add(FLOOD, pair.system, x, copies);
      const memory = pair.memory();
      if (memory !== undefined) recorder.add(MEMORY, pair.system, x, memory);
      log(
        `peers: round ${round} of ${options.rounds}, ${x}, ${pair.system}: ${tcp.toPrecision(3)} Gbit/s, ${copies.toPrecision(3)} thousand copies/s`,
      );
    }
  }
  return {
    id: 'peers',
    quantity: 'peers',
    about: `All peers but one are static VTEPs: addresses of one machine, where one kernel vxlan takes what comes for any of
them. So these figures hold the cost of replication and of the tables, and not that of gossip among 256 daemons, for
which this machine is too small. Copies are 64-byte UDP datagrams to the broadcast address, sent as fast as possible and
counted where they arrive.`,
    curves: recorder.curves(),
  };
};

/** RFC 5737 leaves three networks for documentation; the machines themselves are in the first. */
function crowdAddress(index: number): string {
  return index < 250 ? `198.51.100.${index + 1}` : `203.0.113.${index - 249}`;
}

/** One machine with all these addresses and a kernel vxlan that takes the frames for each, and drops them. */
async function addCrowd(lab: Lab, a: Vm, addresses: readonly string[]): Promise<Vm> {
  const crowd = await lab.addVm('crowd', { underlay: '192.0.2.3/24' });
  await crowd.ip(
    ...addresses.map(address => `addr add ${address}/32 dev eth0`),
    `link add vx${VNI} type vxlan id ${VNI} dstport 4789`,
    `link set vx${VNI} up`,
  );
  const { address: mac } = await crowd.link('eth0');
  await a.ip(
    'route add 198.51.100.0/24 dev eth0',
    'route add 203.0.113.0/24 dev eth0',
    // Permanent: the table of neighbours, 1,024 for all namespaces together, does not hold the others of all labs.
    ...addresses.map(address => `neigh add ${address} lladdr ${mac} dev eth0 nud permanent`),
  );
  return crowd;
}

/** Thousands of copies a second that arrive at b and at the crowd while a floods. */
async function floodCopies(pair: Pair, crowd: Vm, seconds: number): Promise<number> {
  const arrived = async () => (await pair.received(pair.b)) + (await pair.received(crowd));
  const before = await arrived();
  await pair.generate(pair.a, { vary: 'nothing', variants: 1, seconds, destination: 'broadcast' });
  return ((await arrived()) - before) / seconds / 1e3;
}
