/** Merged super-frames on a real TAP, and on one whose kernel refuses them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from '../frame-batch.ts';
import type { TapPortOptions } from '../tap.ts';
import { makeNamespace } from './testing/namespace.ts';
import { frameOf } from './testing/segments.ts';
import type { SuperFrameObservation } from './testing/super-frame-scenario.ts';
import { SCENARIO_DELIVERED, SCENARIO_STREAMS } from './testing/super-frame-streams.ts';

const { EINVAL } = constants.errno;
const PRELOAD = fileURLToPath(
  new URL('../../../dataplane/native/testing/refuse-super-frames.c', import.meta.url),
);
const SCENARIO = fileURLToPath(new URL('testing/super-frame-scenario.js', import.meta.url));

function observe(
  t: ExecutionContext,
  refused: readonly number[],
  options: Partial<TapPortOptions> & { readonly ring?: boolean } = { ring: false },
): SuperFrameObservation {
  const { name } = makeNamespace(t);
  const directory = mkdtempSync(join(tmpdir(), 'weft-preload-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const library = join(directory, 'refuse.so');
  execFileSync('cc', ['-shared', '-fPIC', '-o', library, PRELOAD, '-ldl']);
  const { LD_PRELOAD: sanitizers } = process.env;
  const output = execFileSync(
    'ip',
    ['netns', 'exec', name, process.execPath, SCENARIO, JSON.stringify(options)],
    {
      encoding: 'utf8',
      timeout: 60_000,
      env: {
        ...process.env,
        LD_PRELOAD: sanitizers === undefined ? library : `${sanitizers}:${library}`,
        WEFT_REFUSE: refused.join(),
      },
    },
  );
  return JSON.parse(output) as SuperFrameObservation;
}

const delivered = SCENARIO_DELIVERED.map(segment => frameOf(segment).toString('hex'));

test('a merged super-frame is one write, also when it is flooded, and arrives whole', t => {
  const { frames, superFrames, statuses, counters, refusals, untouched } = observe(t, []);
  t.is(superFrames, SCENARIO_STREAMS.length);
  t.deepEqual(
    statuses,
    SCENARIO_STREAMS.map(() => 0),
  );
  t.deepEqual(counters, { txFrames: 2 * superFrames, txBatches: 2 * superFrames, txGsoRefused: 0 });
  t.deepEqual(refusals, []);
  t.true(untouched);
  // However the kernel cuts it for the reader: headers behind each other's payload, the payload is there and in order.
  const payload = (stream: number) =>
    Buffer.concat((SCENARIO_STREAMS[stream] ?? []).map(segment => segment.payload)).toString('hex');
  for (const writing of frames) {
    const seen = SCENARIO_STREAMS.map(() => '');
    for (const hex of writing) {
      const frame = Buffer.from(hex, 'hex');
      const stream = SCENARIO_STREAMS.findIndex(([first]) => first !== undefined && isOf(frame, first));
      seen[stream] += frame.subarray(headerLength(frame)).toString('hex');
    }
    t.deepEqual(
      seen,
      SCENARIO_STREAMS.map((_, stream) => payload(stream)),
    );
  }
});

test('super-frames share a system call once the device has taken one of their kind, and arrive as well', t => {
  const alone = observe(t, []);
  const { frames, statuses, counters, refusals, untouched } = observe(t, [], { ring: true });
  t.deepEqual(frames, alone.frames);
  t.deepEqual(statuses, alone.statuses);
  t.is(counters.txFrames, alone.counters.txFrames);
  // The first of TCP, what follows it, the first of UDP, what follows that; then all in one.
  t.is(counters.txBatches, 5);
  t.deepEqual(refusals, []);
  t.true(untouched);
});

test('a device that refuses super-frames of UDP alone gets those of TCP in one call all the same', t => {
  const alone = observe(t, [GSO_UDP_L4]);
  const { frames, counters, refusals } = observe(t, [GSO_UDP_L4], { ring: true });
  t.deepEqual(frames, alone.frames);
  t.is(counters.txGsoRefused, 4);
  t.true(counters.txBatches < alone.counters.txBatches);
  t.deepEqual(refusals, [['tap-uso', EINVAL]]);
});

function isOf(frame: Buffer, first: (typeof SCENARIO_DELIVERED)[number]): boolean {
  const isIpv4 = frame.readUInt16BE(12) === 0x0800;
  const protocol = frame.readUInt8(isIpv4 ? 23 : 20);
  return (
    isIpv4 === (first.family === 4) &&
    protocol === (first.protocol === 'tcp' ? 6 : 17) &&
    frame.readUInt16BE(isIpv4 ? 34 : 54) === first.sourcePort
  );
}

function headerLength(frame: Buffer): number {
  const isIpv4 = frame.readUInt16BE(12) === 0x0800;
  const transport = isIpv4 ? 34 : 54;
  const protocol = frame.readUInt8(isIpv4 ? 23 : 20);
  return transport + (protocol === 17 ? 8 : (frame.readUInt8(transport + 12) >> 4) * 4);
}

test('a device that refuses super-frames gets every segment as it came, and is not asked again', t => {
  const { frames, superFrames, statuses, counters, refusals, untouched } = observe(t, [
    GSO_TCPV4,
    GSO_TCPV6,
    GSO_UDP_L4,
  ]);
  t.deepEqual(frames, [delivered, delivered]);
  t.deepEqual(
    statuses,
    SCENARIO_STREAMS.map(() => 0),
  );
  t.deepEqual(counters, {
    txFrames: 2 * superFrames,
    txBatches: 2 * delivered.length,
    txGsoRefused: 2 * superFrames,
  });
  t.deepEqual(refusals.toSorted(), [
    ['tap-tso', EINVAL],
    ['tap-uso', EINVAL],
  ]);
  t.true(untouched);
});

test('a device that refuses super-frames of UDP alone gets those of TCP', t => {
  const { frames, counters, refusals } = observe(t, [GSO_UDP_L4]);
  t.is(counters.txGsoRefused, 4);
  t.is(counters.txBatches, 2 * (3 + 6));
  t.deepEqual(refusals, [['tap-uso', EINVAL]]);
  const [first = []] = frames;
  t.deepEqual(first.slice(-6), delivered.slice(-6));
});

test('a device that must not get super-frames gets every segment as it came, and that is no loss', t => {
  const { frames, superFrames, counters, refusals } = observe(t, [], { tso: false, uso: false });
  t.deepEqual(frames, [delivered, delivered]);
  t.like(counters, { txBatches: 2 * delivered.length, txGsoRefused: 2 * superFrames });
  t.deepEqual(refusals, []);
});

test('an injected refusal is as good as that of a kernel', t => {
  const injected = { tso: EINVAL, uso: EINVAL };
  const { frames, superFrames, counters, refusals } = observe(t, [], { injected });
  t.deepEqual(frames, [delivered, delivered]);
  t.like(counters, { txBatches: 2 * delivered.length, txGsoRefused: 2 * superFrames });
  t.deepEqual(refusals.toSorted(), [
    ['tap-tso', EINVAL],
    ['tap-uso', EINVAL],
  ]);
});
