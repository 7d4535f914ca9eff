/**
 * Super-frames that came whole, written to a TAP that does not take them:
 *
 *   NativeTapPort ── tap a ──┬── bridge ──┬── tap b ── NativeTapPort        all in one namespace of the test
 */
import { constants } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { Arena } from './arena.ts';
import { FrameBatch } from './frame-batch.ts';
import type { PortHandlers } from './native/native-port.ts';
import { Collector } from './native/testing/collector.ts';
import { ip, makeNamespace } from './native/testing/namespace.ts';
import type { Offload } from './offloads.ts';
import { NativeTapPort, type TapPortOptions } from './tap.ts';
import { openTap } from './tap-device.ts';
import { pattern } from './testing/frames.ts';
import { referenceSegments, type SuperFrame } from './testing/reference-segments.ts';
import { describeSuperFrame, superFrame } from './testing/super-frames.ts';

const { EINVAL, EIO } = constants.errno;

const TCP: readonly SuperFrame[] = [4, 6].map(family =>
  superFrame({
    protocol: 'tcp',
    family: family as 4 | 6,
    payload: pattern(5001),
    gsoSize: 1000,
    flags: 0x18,
  }),
);
const UDP: readonly SuperFrame[] = [4, 6].map(family =>
  superFrame({ protocol: 'udp', family: family as 4 | 6, payload: pattern(3500), gsoSize: 1200 }),
);

interface Bench {
  readonly arena: Arena;
  readonly port: NativeTapPort;
  /** What the other TAP received. */
  readonly received: Collector;
  readonly lost: (readonly [Offload, number])[];
}

function openBench(t: ExecutionContext, options: Omit<TapPortOptions, 'fd'>): Bench {
  const { name: namespace, path } = makeNamespace(t);
  const arena = new Arena({ scratchSize: 1024 * 1024 });
  ip('-n', namespace, 'link', 'add', 'bridge', 'type', 'bridge', 'mcast_snooping', '0');
  ip('-n', namespace, 'link', 'set', 'bridge', 'up');
  const open = (name: string, portOptions: Omit<TapPortOptions, 'fd'>, handlers: PortHandlers) => {
    const { fd } = openTap({ name, netnsPath: path, persist: false });
    const port = new NativeTapPort({ arena }, { ...portOptions, fd }, handlers);
    t.teardown(() => port.close());
    ip('-n', namespace, 'link', 'set', 'dev', name, 'master', 'bridge', 'up');
    return port;
  };
  const source = Buffer.from(TCP[0]?.bytes ?? []).subarray(6, 12);
  const received = new Collector(arena, frame => frame.subarray(6, 12).equals(source));
  const lost: (readonly [Offload, number])[] = [];
  const port = open('tap-a', options, {
    onFrames: () => {},
    onLost: () => t.fail(),
    onOffloadLost: (offload, errno) => lost.push([offload, errno]),
  });
  open('tap-b', {}, received);
  return { arena, port, received, lost };
}

function write({ arena, port }: Bench, frames: readonly SuperFrame[]): number[] {
  const batch = new FrameBatch(frames.length);
  let offset = arena.scratchOffset;
  frames.forEach((frame, i) => {
    arena.bytes.set(frame.bytes, offset);
    batch.setOffset(i, offset);
    batch.setLength(i, frame.bytes.length);
    // Bytes before it that are none of the TAP's business.
    batch.setEncapLength(i, 8);
    describeSuperFrame(batch, i, frame);
    offset += frame.bytes.length + 64;
  });
  port.write(batch, 0, frames.length);
  return frames.map((_, i) => batch.status(i));
}

function hexOf(frames: readonly Uint8Array[]): string[] {
  return frames.map(frame => Buffer.from(frame).toString('hex'));
}

function segmentsOf(frames: readonly SuperFrame[]): string[] {
  return hexOf(frames.flatMap(frame => referenceSegments(frame)));
}

/** Writes all four twice; asserts that those of `cut` arrive as segments and the others whole. */
async function assertCut(t: ExecutionContext, bench: Bench, cut: readonly SuperFrame[]): Promise<void> {
  const frames = [...TCP, ...UDP];
  const once = frames.flatMap(frame => (cut.includes(frame) ? segmentsOf([frame]) : hexOf([frame.bytes])));
  for (let writing = 1; writing <= 2; writing++) {
    t.deepEqual(write(bench, frames), [0, 0, 0, 0]);
    await bench.received.atLeast(once.length * writing);
  }
  t.deepEqual(hexOf(bench.received.frames.map(({ frame }) => frame)), [...once, ...once]);
  t.like(bench.port.counters, { txFrames: 8, txErrors: 0, txGsoRefused: 2 * cut.length });
}

for (const [title, options, cut, lost] of [
  ['nothing is switched off', {}, [], []],
  ['TSO is switched off', { tso: false }, TCP, []],
  ['USO is switched off', { uso: false }, UDP, []],
  ['TSO meets EINVAL', { injected: { tso: EINVAL, uso: 0 } }, TCP, [['tap-tso', EINVAL]]],
  ['USO meets EINVAL', { injected: { tso: 0, uso: EINVAL } }, UDP, [['tap-uso', EINVAL]]],
] as const) {
  test(`super-frames where ${title}`, async t => {
    const bench = openBench(t, options);
    await assertCut(t, bench, cut);
    t.deepEqual(bench.lost, lost, 'told once');
  });
}

test('EIO is a device that is down, not one that does not take super-frames', t => {
  const bench = openBench(t, { injected: { tso: EIO, uso: 0 } });
  t.deepEqual(write(bench, TCP), [EIO, EIO]);
  t.deepEqual(bench.lost, []);
  t.like(bench.port.counters, { txGsoRefused: 0, txErrors: 2 });
});
