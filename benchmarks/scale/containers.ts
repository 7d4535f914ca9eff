/** What many containers on one VM cost: 1 → 1,000 attached, each in a namespace of its own. */
import { ApiClient } from '../../daemon/api/client.ts';
import { systemClock } from '../../dataplane/clock.ts';
import { percentile } from '../statistics.ts';
import { pick, type ScaleBenchmark, type ScaleModules, type ScaleOptions } from './bench.ts';
import { type MeasureInfo, Recorder } from './curve.ts';
import { Pair, type System, WEFT_BRIDGE, WEFT_TAP } from './pair.ts';

const CONTAINERS = [1, 10, 100, 1_000];
/** Of how many attachments the percentiles are, at the most. */
const WINDOW = 100;

const ATTACH_P50: MeasureInfo = {
  id: 'attach-p50',
  name: 'time of one attachment, p50',
  unit: 'ms',
  better: 'less',
};
const ATTACH_P99: MeasureInfo = {
  id: 'attach-p99',
  name: 'time of one attachment, p99',
  unit: 'ms',
  better: 'less',
};
const TCP: MeasureInfo = {
  id: 'tcp',
  name: 'TCP of one pair while all are attached',
  unit: 'Gbit/s',
  better: 'more',
  target: 0.95,
};
const MEMORY: MeasureInfo = { id: 'memory', name: 'memory of the daemon', unit: 'MB', better: 'less' };

export const containers: ScaleBenchmark = async (modules, options) => {
  const recorder = new Recorder();
  for (let round = 1; round <= options.rounds; round++) {
    for (const system of [WEFT_BRIDGE, WEFT_TAP] as const) {
      await attachMany(modules, options, { recorder, system, round });
    }
  }
  return {
    id: 'containers',
    quantity: 'containers on one VM',
    about: `The time of an attachment is that of the API call: the container's interface is there, has its address and is up when
it returns. Percentiles are of the last attachments before each size, at most ${WINDOW}. Every round begins with a new daemon.`,
    curves: recorder.curves(),
  };
};

interface Round {
  readonly recorder: Recorder;
  readonly system: System;
  readonly round: number;
}

/** One daemon from its first container to its last. */
async function attachMany(
  { makeLab, log }: ScaleModules,
  options: ScaleOptions,
  { recorder, system, round }: Round,
): Promise<void> {
  const lab = await makeLab({ name: `containers${round}-${system === WEFT_TAP ? 'tap' : 'bridge'}` });
  const pair = await Pair.build(lab, { system });
  const api = new ApiClient({ clock: systemClock }, { socketPath: pair.a.apiSocket });
  const points = pick(CONTAINERS, options);
  const attached = [pair.client.netns];
  const count = (points.at(-1) ?? 1) - 1;
  const names = lab.addBareNamespaces(Array.from({ length: count }, (_, i) => `a-n${i}`));
  const times: number[] = [];
  for (const x of points) {
    for (const netns of names.splice(0, x - attached.length)) {
      const start = systemClock.now();
      await api.attach({
        netns,
        network: 'blue',
        ifname: 'eth0',
        addresses: [addressOf(attached.length)],
        mac: undefined,
      });
      times.push(systemClock.now() - start);
      attached.push(netns);
    }
    const window = times.slice(-Math.min(WINDOW, x - 1));
    if (window.length > 0) {
      recorder.add(ATTACH_P50, system, x, percentile(window, 0.5));
      recorder.add(ATTACH_P99, system, x, percentile(window, 0.99));
    }
    const tcp = await pair.tcp(options.seconds);
    recorder.add(TCP, system, x, tcp);
    const memory = pair.memory() ?? 0;
    recorder.add(MEMORY, system, x, memory);
    log(
      `containers: round ${round} of ${options.rounds}, ${system}, ${x}: ${window.length === 0 ? '' : `${percentile(window, 0.5).toFixed(0)} ms each, `}${tcp.toPrecision(3)} Gbit/s, ${memory.toFixed(0)} MB`,
    );
  }
  // The next round shall not have the namespaces of this one beside it.
  await lab.destroy();
}

/** 198.18.1.0 … : the first 256 addresses of the network are for those that the pair itself has. */
function addressOf(index: number): string {
  return `198.18.${1 + (index >> 8)}.${index & 0xff}/15`;
}
