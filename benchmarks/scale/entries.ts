/** What a large forwarding table costs: 10 → 50,000 addresses behind the other VTEP, learned from real frames. */
import { waitFor } from '../../daemon/lab/wait-for.ts';
import { pick, type ScaleBenchmark } from './bench.ts';
import { KERNEL, type MeasureInfo, Recorder } from './curve.ts';
import { Pair, WEFT_BRIDGE } from './pair.ts';

const ENTRIES = [10, 1_000, 10_000, 50_000];
/** A pace that no queue overflows at: what is lost has to be sent again. */
const LEARNING_PER_SECOND = 40_000;
const LEARNING_TIMEOUT_S = 30;

const TCP: MeasureInfo = { id: 'tcp', name: 'TCP, one stream', unit: 'Gbit/s', better: 'more', target: 0.95 };
const UDP: MeasureInfo = {
  id: 'udp',
  name: '64-byte UDP delivered, destinations spread over all entries',
  unit: 'thousand/s',
  better: 'more',
  target: 0.95,
};
const MEMORY: MeasureInfo = { id: 'memory', name: 'memory of the daemon', unit: 'MB', better: 'less' };

export const entries: ScaleBenchmark = async ({ makeLab, log }, options) => {
  const recorder = new Recorder();
  const cells: { x: number; pair: Pair }[] = [];
  for (const x of pick(ENTRIES, options)) {
    for (const [i, system] of ([WEFT_BRIDGE, KERNEL] as const).entries()) {
      const lab = await makeLab({ name: `entries${x}-${i}` });
      cells.push({ x, pair: await Pair.build(lab, { system }) });
      log(`entries: built ${system} for ${x}`);
    }
  }
  for (let round = 1; round <= options.rounds; round++) {
    for (const { x, pair } of cells) {
      await learn(pair, x);
      const tcp = await pair.tcp(options.seconds);
      recorder.add(TCP, pair.system, x, tcp);
      const udp = await pair.udpDelivered('destination-mac', x, options.seconds);
      recorder.add(UDP, pair.system, x, udp);
      const memory = pair.memory();
      if (memory !== undefined) recorder.add(MEMORY, pair.system, x, memory);
      log(
        `entries: round ${round} of ${options.rounds}, ${x}, ${pair.system}: ${tcp.toPrecision(3)} Gbit/s, ${udp.toPrecision(3)} thousand/s`,
      );
    }
  }
  return {
    id: 'entries',
    quantity: 'forwarding entries',
    about: `The other machine's bridge gets frames from as many source addresses; what the VTEP has learned is counted before
each measurement. Every size has labs of its own, which stand side by side, so that the rounds alternate between sizes as
well as between systems.`,
    curves: recorder.curves(),
  };
};

/** Has a learn that `count` addresses are behind b; entries that are there already are only refreshed. */
async function learn(pair: Pair, count: number): Promise<void> {
  await waitFor(
    async () => {
      await pair.generate(pair.b, {
        vary: 'source-mac',
        variants: count,
        frames: count,
        seconds: LEARNING_TIMEOUT_S,
        perSecond: LEARNING_PER_SECOND,
        destination: pair.client,
      });
      return (await pair.remoteEntries()) >= count;
    },
    { what: `${pair.system} to learn ${count} addresses`, timeoutMs: LEARNING_TIMEOUT_S * 1000 },
  );
}
