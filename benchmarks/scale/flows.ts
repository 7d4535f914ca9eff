/** What many flows at once cost: 1 → 1,000 TCP streams, and as many UDP flows. */
import { pick, type ScaleBenchmark } from './bench.ts';
import { KERNEL, type MeasureInfo, Recorder } from './curve.ts';
import { Pair, WEFT_BRIDGE, WEFT_TAP } from './pair.ts';

const FLOWS = [1, 10, 100, 1_000];

const TCP: MeasureInfo = { id: 'tcp', name: 'TCP, all streams together', unit: 'Gbit/s', better: 'more' };
const UDP: MeasureInfo = {
  id: 'udp',
  name: '64-byte UDP delivered, all flows together',
  unit: 'thousand/s',
  better: 'more',
};
const MEMORY: MeasureInfo = { id: 'memory', name: 'memory of the daemon', unit: 'MB', better: 'less' };

export const flows: ScaleBenchmark = async ({ makeLab, log }, options) => {
  const recorder = new Recorder();
  const pairs: Pair[] = [];
  for (const [i, system] of ([WEFT_BRIDGE, WEFT_TAP, KERNEL] as const).entries()) {
    pairs.push(await Pair.build(await makeLab({ name: `flows${i}` }), { system }));
    log(`flows: built ${system}`);
  }
  for (let round = 1; round <= options.rounds; round++) {
    for (const x of pick(FLOWS, options)) {
      for (const measure of [TCP, UDP]) {
        for (const pair of pairs) {
          // Generated frames come in by a bridge, which this mode does without.
          if (measure === UDP && pair.system === WEFT_TAP) continue;
          const sample =
            measure === TCP
              ? await pair.tcp(options.seconds, x)
              : await pair.udpDelivered('source-port', x, options.seconds);
          recorder.add(measure, pair.system, x, sample);
          const memory = pair.memory();
          if (measure === TCP && memory !== undefined) recorder.add(MEMORY, pair.system, x, memory);
          log(
            `flows: round ${round} of ${options.rounds}, ${x}, ${pair.system}: ${measure.name} ${sample.toPrecision(3)} ${measure.unit}`,
          );
        }
      }
    }
  }
  return {
    id: 'flows',
    quantity: 'flows',
    about: `TCP streams of iperf3, of one process for every 128 of them; UDP flows differ in their source port. Both machines,
all sending and all receiving programs share the processors: at 1,000 streams iperf3 itself is a large part of the load.`,
    curves: recorder.curves(),
  };
};
