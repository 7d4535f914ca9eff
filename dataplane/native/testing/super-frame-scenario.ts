/**
 * Run inside a namespace of its own, with or without a kernel that refuses super-frames (super-frames.test.ts): streams
 * are merged, a router's congestion mark is carried into the second of them, and all is written to a TAP twice, as
 * flooding does. Its argument is JSON: options of the port that writes. Prints one JSON object.
 *
 *   coalesce ─► NativeTapPort ── tap a ──┬── bridge ──┬── tap b ── NativeTapPort
 */
import { execFileSync } from 'node:child_process';
import { Arena } from '../../arena.ts';
import { applyDecapsulation, CE } from '../../ecn.ts';
import { FrameBatch } from '../../frame-batch.ts';
import { NativeTapPort, type TapPortOptions } from '../../tap.ts';
import { openTap } from '../../tap-device.ts';
import { batchIo, COALESCE_TCP, COALESCE_UDP } from '../batch-io.ts';
import { Collector } from './collector.ts';
import { ip } from './namespace.ts';
import { frameOf, layOut, PLAIN } from './segments.ts';
import { SCENARIO_STREAMS } from './super-frame-streams.ts';

export interface SuperFrameObservation {
  /** Hexadecimal, as tap b received them: of the first writing, and of the second. */
  readonly frames: readonly (readonly string[])[];
  readonly superFrames: number;
  readonly statuses: readonly number[];
  readonly counters: { readonly txFrames: number; readonly txBatches: number; readonly txGsoRefused: number };
  /** Calls of onOffloadLost. */
  readonly refusals: readonly (readonly [string, number])[];
  /** Whether writing left the memory as it was. */
  readonly untouched: boolean;
}

execFileSync('sysctl', ['-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1']);
const arena = new Arena({ scratchSize: 1024 * 1024 });
ip('link', 'add', 'bridge', 'type', 'bridge', 'mcast_snooping', '0');
ip('link', 'set', 'bridge', 'up');

const END_MAC = 0x0200_0000_00ee;
const collector = new Collector(arena, frame => frame.readUIntBE(6, 6) === PLAIN.sourceMac);
const ends = new Collector(arena, frame => frame.readUIntBE(6, 6) === END_MAC);
const refusals: [string, number][] = [];

interface ScenarioOptions extends Partial<TapPortOptions> {
  readonly ring?: boolean;
}

function open(
  name: string,
  { ring = true, ...options }: ScenarioOptions,
  handlers: ConstructorParameters<typeof NativeTapPort>[2],
): NativeTapPort {
  const { fd } = openTap({ name, persist: false });
  const port = new NativeTapPort({ arena, ring }, { ...options, fd }, handlers);
  ip('link', 'set', 'dev', name, 'master', 'bridge', 'up');
  return port;
}

const a = open('tap-a', JSON.parse(process.argv[2] ?? '{}') as ScenarioOptions, {
  onFrames: () => undefined,
  onLost: () => undefined,
  onOffloadLost: (offload, errno) => refusals.push([offload, errno]),
});
const b = open(
  'tap-b',
  {},
  {
    onFrames(batch, count) {
      collector.onFrames(batch, count);
      ends.onFrames(batch, count);
    },
    onLost: () => undefined,
  },
);

// Into the scratch area, so that what tap b receives overwrites nothing.
const segments = SCENARIO_STREAMS.flat();
const laid = layOut(segments);
arena.bytes.set(new Uint8Array(laid.arena, 0, laid.pieceTable), arena.scratchOffset);
segments.forEach((_, i) => {
  laid.batch.setOffset(i, arena.scratchOffset + laid.batch.offset(i));
});
const merged = new FrameBatch(64);
const [, superFrames] = batchIo.coalesce(
  arena.memory,
  arena.pieceTable,
  arena.pieceCount,
  laid.batch.memory,
  segments.length,
  merged.memory,
  COALESCE_TCP | COALESCE_UDP,
);
for (let i = 0; i < superFrames; i++) {
  if (merged.tos(i) === CE) applyDecapsulation(arena.view, merged.offset(i), merged.length(i), CE);
}

const scratch = () => Buffer.from(arena.memory.slice(arena.scratchOffset));
const before = scratch();
const frames: string[][] = [];
const end = frameOf({ ...PLAIN, sourceMac: END_MAC });
for (let writing = 1; writing <= 2; writing++) {
  a.write(merged, 0, superFrames);
  // When this one has come, so has everything before it.
  const last = new FrameBatch(1);
  arena.bytes.set(end, arena.scratchOffset + 900_000);
  last.setOffset(0, arena.scratchOffset + 900_000);
  last.setLength(0, end.length);
  a.write(last, 0, 1);
  await ends.atLeast(writing);
  frames.push(collector.frames.splice(0).map(({ frame }) => frame.toString('hex')));
}
before.set(end, 900_000);

const { txFrames, txBatches, txGsoRefused } = a.counters;
const observation: SuperFrameObservation = {
  frames,
  superFrames,
  statuses: Array.from({ length: superFrames }, (_, i) => merged.status(i)),
  counters: { txFrames: txFrames - 2, txBatches: txBatches - 2, txGsoRefused },
  refusals,
  untouched: before.equals(scratch()),
};
a.close();
b.close();
process.stdout.write(JSON.stringify(observation));
