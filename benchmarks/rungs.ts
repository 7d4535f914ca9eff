/**
 * `node dist/benchmarks/rungs.js [--attach bridge|tap] [--wire wire-like|veth] [--rounds N] [--seconds S] [--lock FILE]`
 *
 * What each rung of the offload ladder costs: two machines with weft for each, all at once; the rounds alternate. Prints
 * throughput and the CPU time of both daemons as shares of those with every offload on. Where several people measure on one
 * machine, the rounds hold the lock file that they share.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { iperf } from '../daemon/lab/iperf.ts';
import { Lab } from '../daemon/lab/lab.ts';
import type { Vm } from '../daemon/lab/vm.ts';
import { waitFor } from '../daemon/lab/wait-for.ts';
import type { PeerReport } from '../daemon/operations.ts';
import { summarize } from './statistics.ts';

const OFFLOADS = ['udp_segment', 'udp_gro', 'tap_tso', 'tap_uso', 'tunnel_gso'] as const;
/** A full frame inside an overlay of MTU 1450: UDP payload of a datagram that is not fragmented. */
const LARGE_DATAGRAM = 1400;
/** sysconf(_SC_CLK_TCK): what the times of /proc/PID/stat count, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

const RUNGS = [
  { name: 'all on', off: [] },
  ...OFFLOADS.slice(0, 4).map(offload => ({ name: `${offload} off`, off: [offload] })),
  { name: 'everything off', off: OFFLOADS },
] as const;

const { values } = parseArgs({
  options: {
    attach: { type: 'string', default: 'bridge' },
    wire: { type: 'string', default: 'wire-like' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    lock: { type: 'string' },
  },
});
const attach = values.attach === 'tap' ? 'tap' : 'bridge';
const wire = values.wire === 'veth' ? 'veth' : 'wire-like';
const seconds = Number(values.seconds);

interface Path {
  readonly machines: readonly Vm[];
  readonly measure: (udpBytes?: number) => Promise<number>;
}

async function build(lab: Lab, off: readonly string[]): Promise<Path> {
  const machines: Vm[] = [];
  for (const name of ['a', 'b']) {
    const vm = await lab.addVm(name, { underlay: `192.0.2.${machines.length + 1}/24` });
    machines.push(vm);
    await vm.startWeft({
      networks: [{ name: 'blue', vni: 42, attach }],
      join: machines.length === 1 ? [] : ['192.0.2.1'],
      override: {
        log: { level: 'info' },
        dataplane: { offload: Object.fromEntries(off.map(offload => [offload, 'off'])) },
      },
    });
  }
  const containers = [];
  for (const [i, vm] of machines.entries()) {
    await waitFor(
      async () => (await vm.weftJson<PeerReport[]>('peers')).some(({ state }) => state === 'alive'),
      { what: `${vm.name} to see its peer` },
    );
    const container = await vm.addContainer('c1');
    await vm.weft(['attach', container.netns, '--network', 'blue', '--address', `198.18.0.${i + 1}/24`]);
    containers.push(container);
  }
  const [client, server] = containers;
  if (client === undefined || server === undefined) throw new Error('unreachable: there are two machines');
  const measure = async (udpBytes?: number): Promise<number> => {
    const load = udpBytes === undefined ? { omit: 1 } : { udpBytes };
    return (await iperf(client, server, '198.18.0.2', { seconds, ...load })).bitsPerSecond / 1e9;
  };
  return { machines, measure };
}

/** CPU seconds that the daemon has used: utime and stime of proc(5), all threads. */
function cpuSeconds(vm: Vm): number {
  const stat = readFileSync(`/proc/${vm.daemon.pid}/stat`, 'utf8');
  const [utime = 0, stime = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (utime + stime) / TICKS_PER_SECOND;
}

async function locked(work: () => Promise<void>): Promise<void> {
  if (values.lock === undefined) return await work();
  const holder = spawn('flock', [values.lock, 'sh', '-c', 'echo held; cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await new Promise(resolve => holder.stdout.once('data', resolve));
  try {
    await work();
  } finally {
    holder.stdin.end();
  }
}

const MEASURES = ['TCP, Gbit/s', 'CPU-seconds of the daemons per Gbit of TCP', 'UDP 1400 B, Gbit/s'] as const;

Lab.sweep();
const labs: Lab[] = [];
try {
  const paths: Path[] = [];
  for (const [i, { off }] of RUNGS.entries()) {
    const lab = await Lab.create({ name: `rung${i}`, wire });
    labs.push(lab);
    paths.push(await build(lab, off));
  }
  const samples = RUNGS.map(() => MEASURES.map((): number[] => []));
  await locked(async () => {
    for (let round = 1; round <= Number(values.rounds); round++) {
      for (const [i, { machines, measure }] of paths.entries()) {
        const used = () => machines.reduce((sum, vm) => sum + cpuSeconds(vm), 0);
        const before = used();
        const tcp = await measure();
        // iperf3 leaves out the first second; the daemons do not.
        const cpu = (used() - before) / (tcp * (seconds + 1));
        const udp = await measure(LARGE_DATAGRAM);
        for (const [m, value] of [tcp, cpu, udp].entries()) samples[i]?.[m]?.push(value);
        process.stderr.write(
          `round ${round}, ${RUNGS[i]?.name}: ${tcp.toFixed(2)} Gbit/s, ${cpu.toFixed(2)} s/Gbit, UDP ${udp.toFixed(2)}\n`,
        );
      }
    }
  });
  for (const [m, title] of MEASURES.entries()) {
    const base = summarize(samples[0]?.[m] ?? []).median;
    process.stdout.write(`${attach}, ${wire}: ${title}\n`);
    for (const [i, { name }] of RUNGS.entries()) {
      const { median, min, max } = summarize(samples[i]?.[m] ?? []);
      const spread = `${median.toPrecision(3)} (${min.toPrecision(3)} – ${max.toPrecision(3)})`;
      process.stdout.write(`  ${name.padEnd(18)} ${(median / base).toFixed(2)} ×   ${spread}\n`);
    }
  }
} finally {
  for (const lab of labs) await lab.destroy();
}
