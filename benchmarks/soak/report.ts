/** A soak for people: what was measured over its time, and the verdicts. */
import { summarize } from '../statistics.ts';
import { asText, significant, type Table } from '../tables.ts';
import type { Capacity } from './capacity.ts';
import { ratios } from './capacity.ts';
import type { DaemonSample } from './daemon-sample.ts';
import { EXPLAINED, type Verdict } from './judge.ts';
import type { Soak, Window } from './samples.ts';

const NOTHING = '–';

export function textReport(soak: Soak, verdicts: readonly Verdict[]): string {
  const told = soak.mishaps.map(({ second, what, reason }) => `failed at ${second} s: ${what}: ${reason}`);
  const tables = [trafficTable(soak), daemonTable(soak), dropTable(soak), verdictTable(verdicts)];
  return `${[...tables.map(asText), ...(told.length > 0 ? [told.join('\n')] : [])].join('\n\n')}\n`;
}

function verdictTable(verdicts: readonly Verdict[]): Table {
  return {
    title: 'Verdicts',
    headings: ['', 'target', 'measured', ''],
    rows: verdicts.map(({ name, target, measured, isMet }) => [
      name,
      target,
      measured,
      isMet ? 'met' : 'not met',
    ]),
  };
}

function trafficTable({ windows, about, capacity, done }: Soak): Table {
  const row = (name: string, of: (window: Window) => number | null) => {
    const values = windows.map(of).filter(value => value !== null);
    if (values.length === 0) return [name, NOTHING, NOTHING, NOTHING];
    const { median, min, max } = summarize(values);
    return [name, ...[median, min, max].map(significant)];
  };
  const unlimited = (name: string, measured: Capacity) => {
    const { median, min, max } = summarize(measured.weft);
    const ratio = summarize(ratios(measured)).median;
    return [
      `unlimited TCP ${name}, Mbit/s (${significant(ratio)} × kernel vxlan)`,
      ...[median, min, max].map(significant),
    ];
  };
  return {
    title: `Traffic: ${windows.length} windows of ${about.windowSeconds} s, ${significant(about.offeredMbit)} Mbit/s offered; ${counted(done)}`,
    headings: ['', 'median', 'lowest', 'highest'],
    rows: [
      unlimited('before', capacity.before),
      row('bulk delivered, Mbit/s', ({ deliveredMbit }) => deliveredMbit),
      unlimited('after', capacity.after),
      row('pings lost, %', ({ pingLoss }) => (pingLoss === null ? null : pingLoss * 100)),
      row('ping p50, ms', ({ pingP50Ms }) => pingP50Ms),
      row('ping p99, ms', ({ pingP99Ms }) => pingP99Ms),
      row('datagrams lost, %', ({ udpLoss }) => (udpLoss === null ? null : udpLoss * 100)),
      row('request p50, µs', ({ requestP50Us }) => requestP50Us),
      row('request p99, µs', ({ requestP99Us }) => requestP99Us),
      row('machine busy, %', ({ busyShare }) => busyShare * 100),
      row('connections/s', ({ connectionsPerSecond }) => connectionsPerSecond),
    ],
  };
}

function counted(done: Soak['done']): string {
  return Object.entries(done)
    .map(([what, times]) => `${times} ${what}`)
    .join(', ');
}

/** Each daemon in the first window that counts, in the middle, and in the last one. */
function daemonTable({ windows, about }: Soak): Table {
  const counting = windows.slice(about.warmUpWindows);
  const chosen = [counting[0], counting[Math.floor(counting.length / 2)], counting.at(-1)].filter(
    window => window !== undefined,
  );
  const nodes = counting[0]?.daemons.map(({ node }) => node) ?? [];
  return {
    title: 'Daemons',
    headings: [
      '',
      'at, s',
      'RSS, MB',
      'anonymous',
      'heap',
      'arenas',
      'CPU, s',
      'fds',
      'threads',
      'loop p99, ms',
      'socket drops',
    ],
    rows: nodes.flatMap((node, i) =>
      chosen.map(({ second, daemons }) => [node, second.toFixed(0), ...daemonCells(daemons[i])]),
    ),
  };
}

function daemonCells(sample: DaemonSample | undefined): string[] {
  if (sample === undefined) return [];
  const {
    rssMb,
    anonymousMb,
    heapMb,
    arenaMb,
    cpuSeconds,
    descriptors,
    threads,
    loopDelayP99Ms,
    socketDrops,
  } = sample;
  return [
    ...[rssMb, anonymousMb, heapMb, arenaMb, cpuSeconds].map(value => value.toFixed(1)),
    `${descriptors}`,
    `${threads}`,
    loopDelayP99Ms.toFixed(1),
    `${socketDrops}`,
  ];
}

function dropTable({ windows }: Soak): Table {
  const last = windows.at(-1)?.daemons ?? [];
  const reasons = [...new Set(last.flatMap(({ drops }) => Object.keys(drops)))].sort();
  return {
    title: 'Drops since the daemons began',
    headings: ['', ...last.map(({ node }) => node), ''],
    rows: reasons.map(reason => [
      reason,
      ...last.map(({ drops }) => `${drops[reason] ?? 0}`),
      EXPLAINED[reason]?.why ?? '',
    ]),
  };
}
