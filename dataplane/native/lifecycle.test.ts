/** What each addon needs tested apart from its work: leaks, threads that end, handlers that throw, wrong arguments. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants as fs, mkdtempSync, openSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { parseIp } from '../address.ts';
import { Arena } from '../arena.ts';
import { WeftError } from '../errors.ts';
import { FrameBatch } from '../frame-batch.ts';
import { NativeTapPort } from '../tap.ts';
import { NativeUdpPort } from '../udp.ts';
import {
  batchIo,
  COALESCE_TCP,
  COALESCE_UDP,
  COUNTERS,
  loadBatchIo,
  type PortHandle,
  type Receiver,
  SHARE_ALONE,
} from './batch-io.ts';
import { loopTurn, processState } from './testing/process-state.ts';

const LOOPBACK = parseIp('127.0.0.1');
const silent = { onFrames: () => undefined, onLost: () => undefined };

/** Waits for closed handles to leave the loop. */
async function settledState() {
  for (let turn = 0; turn < 5; turn++) await loopTurn();
  return processState();
}

/** The first port of a thread opens its ring, which stays. */
test.before(() => {
  const arena = new Arena({ slots: 1, slotSize: 256, scratchSize: 0 });
  new NativeUdpPort({ arena }, { address: LOOPBACK, port: 0, sourceSockets: 1 }, silent).close();
});

// Serial: each compares what the whole process has open.
test.serial('10,000 UDP ports opened and closed leave no descriptor and no handle', async t => {
  const arena = new Arena({ slots: 1, slotSize: 256, scratchSize: 0 });
  const before = await settledState();
  for (let i = 0; i < 10_000; i++) {
    new NativeUdpPort({ arena }, { address: LOOPBACK, port: 0, sourceSockets: 1 }, silent).close();
    if (i % 100 === 0) await loopTurn();
  }
  t.deepEqual(await settledState(), before);
});

test.serial('10,000 TAP ports opened and closed leave no descriptor and no handle', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-lifecycle-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  execFileSync('mkfifo', [join(directory, 'fifo')]);
  const arena = new Arena({ slots: 1, slotSize: 256, scratchSize: 0 });
  const before = await settledState();
  for (let i = 0; i < 10_000; i++) {
    const fd = openSync(join(directory, 'fifo'), fs.O_RDWR | fs.O_NONBLOCK);
    new NativeTapPort({ arena }, { fd }, silent).close();
    if (i % 100 === 0) await loopTurn();
  }
  t.deepEqual(await settledState(), before);
});

test.serial('500 openings that fail leave no descriptor and no handle', async t => {
  const arena = new Arena({ slots: 1, slotSize: 256, scratchSize: 0 });
  const taken = new NativeUdpPort({ arena }, { address: LOOPBACK, port: 0 }, silent);
  t.teardown(() => taken.close());
  const before = await settledState();
  for (let i = 0; i < 500; i++) {
    t.throws(() => new NativeUdpPort({ arena }, { address: LOOPBACK, port: taken.port }, silent));
    // A regular file cannot be polled: EPERM, and the descriptor stays ours.
    const fd = openSync('/etc/passwd', 'r');
    t.throws(() => new NativeTapPort({ arena }, { fd }, silent), { instanceOf: WeftError });
    closeSync(fd);
  }
  t.deepEqual(await settledState(), before);
});

const workerFile = new URL('./testing/traffic-worker.js', import.meta.url);

test.serial('worker.terminate in full traffic ends cleanly, 20 times', async t => {
  const before = await settledState();
  for (let i = 0; i < 20; i++) {
    const worker = new Worker(workerFile, { workerData: 'run' });
    await once(worker, 'message');
    t.is(await worker.terminate(), 1);
  }
  t.deepEqual(await settledState(), before);
});

test.serial('process.exit inside a handler of a worker ends it with that code', async t => {
  const before = await settledState();
  const worker = new Worker(workerFile, { workerData: 'exit' });
  t.deepEqual(await once(worker, 'exit'), [7]);
  t.deepEqual(await settledState(), before);
});

test.serial('what a handler throws is an uncaught exception of its thread', async t => {
  const worker = new Worker(workerFile, { workerData: 'throw' });
  const [error] = (await once(worker, 'error')) as [Error];
  t.is(error.message, 'thrown by a handler');
});

test.serial('a port goes on after its handler threw', async t => {
  const worker = new Worker(workerFile, { workerData: 'throw-and-go-on' });
  // Both from the start: the exit may come in the same turn as the message.
  const [message, exit] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
  t.deepEqual(message, [3]);
  t.deepEqual(exit, [0]);
});

test.serial(
  'process.exit with open ports ends a process with its code, and so does an empty loop after close',
  t => {
    const script = (last: string) => `
    import { Arena } from ${JSON.stringify(new URL('../arena.js', import.meta.url).href)};
    import { NativeUdpPort } from ${JSON.stringify(new URL('../udp.js', import.meta.url).href)};
    const handlers = { onFrames() {}, onLost() {} };
    const port = new NativeUdpPort({ arena: new Arena() }, { address: '127.0.0.1', port: 0 }, handlers);
    ${last}`;
    const run = (last: string) => {
      try {
        execFileSync(process.execPath, ['--input-type=module', '-e', script(last)], {
          stdio: 'ignore',
          timeout: 20_000,
        });
        return 0;
      } catch (error) {
        return (error as { status: number | null }).status;
      }
    };
    t.is(run('setImmediate(() => process.exit(3));'), 3);
    t.is(run('setImmediate(() => port.close());'), 0);
    t.is(run('setImmediate(() => { throw new Error("x"); });'), 1);
  },
);

function receiver(arena: ArrayBuffer, changes: Partial<Record<keyof Receiver, unknown>> = {}): Receiver {
  return {
    arena,
    slotCount: 1,
    slotSize: 256,
    frameStart: 66,
    pieceTable: 0,
    pieceCount: 0,
    batch: new FrameBatch(1).memory,
    counters: new ArrayBuffer(COUNTERS.length * 8),
    ring: 1,
    injectedRing: 0,
    injectedRingProbe: 0,
    onFrames: () => undefined,
    onLost: () => undefined,
    ...changes,
  } as Receiver;
}

const udpOptions = {
  address: Uint8Array.of(127, 0, 0, 1),
  port: 0,
  sourceSockets: 1,
  firstSourcePort: 50_000,
  receiveBuffer: 4096,
  sendBuffer: 4096,
  encapLength: 8,
  segment: 1 as const,
  injectedSegment: 0,
  injectedSegmentProbe: 0,
  injectedGro: 0,
  injectedGroProbe: 0,
  injectedTunnel: 0,
  gro: 1,
  coalesce: COALESCE_TCP | COALESCE_UDP,
  share: SHARE_ALONE,
  passed: [],
} as const;

function openRaw(arena: ArrayBuffer, changes: Partial<Record<keyof Receiver, unknown>> = {}): PortHandle {
  return batchIo.udpOpen(udpOptions, receiver(arena, changes)) as PortHandle;
}

const wrongNumbers = [
  -1,
  1.5,
  Number.NaN,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  Number.POSITIVE_INFINITY,
  '1',
  undefined,
  null,
];

test.serial('wrong descriptors ranges, batches and handles throw and touch nothing', t => {
  const arena = new ArrayBuffer(256);
  const handle = openRaw(arena);
  const batch = new FrameBatch(4);
  const transmit = batchIo.transmit as (...args: readonly unknown[]) => number;
  for (const wrong of wrongNumbers) {
    t.throws(() => transmit(handle, batch.memory, wrong, 1), { instanceOf: RangeError });
    t.throws(() => transmit(handle, batch.memory, 0, wrong), { instanceOf: RangeError });
    t.throws(() => batchIo.completeChecksum(arena, batch.memory, wrong as number), {
      instanceOf: RangeError,
    });
  }
  t.throws(() => transmit(handle, batch.memory, 0, 5), { instanceOf: RangeError });
  t.throws(() => transmit(handle, batch.memory, 4, 1), { instanceOf: RangeError });
  t.is(transmit(handle, batch.memory, 4, 0), 0);
  t.throws(() => batchIo.completeChecksum(arena, batch.memory, 4), { instanceOf: RangeError });
  for (const wrong of [new Uint8Array(64), new SharedArrayBuffer(64), {}, null, 1]) {
    t.throws(() => transmit(handle, wrong, 0, 1), { instanceOf: RangeError });
  }
  for (const wrong of ['1', undefined, {}, 1.5]) {
    t.throws(() => transmit(wrong, batch.memory, 0, 1), { instanceOf: RangeError });
  }
  for (const unknown of [-1, 12_345, 2 ** 31 - 1, handle + 65_536]) {
    t.is(transmit(unknown, batch.memory, 0, 1), -constants.errno.EBADF);
    batchIo.closePort(unknown as PortHandle);
  }
  batchIo.closePort(handle);
  t.is(transmit(handle, batch.memory, 0, 1), -constants.errno.EBADF);
  batchIo.closePort(handle);
});

test.serial('wrong receivers and options are refused and leave nothing open', async t => {
  const before = await settledState();
  const arena = new ArrayBuffer(256);
  const wrong: Partial<Record<keyof Receiver, unknown>>[] = [
    { arena: new ArrayBuffer(255) },
    { arena: {} },
    { arena: undefined },
    { slotCount: 2 },
    { slotCount: 0 },
    { slotCount: 1.5 },
    { slotSize: 257 },
    { slotSize: 2 ** 32 },
    { frameStart: 11 },
    { frameStart: 243 },
    { pieceTable: 4 },
    { pieceTable: -8 },
    { pieceTable: 256, pieceCount: 1 },
    { pieceCount: 33 },
    { pieceCount: 65_536 },
    { ring: 2 },
    { ring: true },
    { injectedRing: -1 },
    { injectedRingProbe: undefined },
    { batch: new ArrayBuffer(63) },
    { batch: new Uint8Array(64) },
    { counters: new ArrayBuffer(COUNTERS.length * 8 - 1) },
    { onFrames: {} },
    { onLost: undefined },
  ];
  for (const changes of wrong) t.throws(() => openRaw(arena, changes));
  for (const changes of [
    { address: Uint8Array.of(1, 2, 3) },
    { address: '127.0.0.1' },
    { port: 65_536 },
    { sourceSockets: 0 },
    { sourceSockets: 65 },
    { firstSourcePort: 49_151 },
    { receiveBuffer: 0 },
    { encapLength: -1 },
    { injectedSegment: -1 },
    { gro: 2 },
    { coalesce: 4 },
    { passed: [-1] },
    { passed: 3 },
    { passed: Array.from({ length: 66 }, () => 3) },
  ]) {
    const options = { ...udpOptions, ...changes } as typeof udpOptions;
    t.throws(() => batchIo.udpOpen(options, receiver(arena)));
  }
  t.is(batchIo.udpOpen({ ...udpOptions, encapLength: 67 }, receiver(arena)), -constants.errno.EINVAL);
  t.deepEqual(await settledState(), before);
});

test.serial(
  'an arena that is detached under an open port is refused with EFAULT, and receiving loses the port',
  async t => {
    const arena = new ArrayBuffer(256);
    const lost = new Promise<number>(resolve => {
      const handle = openRaw(arena, { onLost: resolve });
      t.teardown(() => batchIo.closePort(handle));
      structuredClone(arena, { transfer: [arena] });
      t.is(batchIo.transmit(handle, new FrameBatch(1).memory, 0, 1), -constants.errno.EFAULT);
      const [port = 0] = batchIo.udpInfo(handle) ?? [];
      const sender = new Arena();
      const from = new NativeUdpPort({ arena: sender }, { address: LOOPBACK, port: 0 }, silent);
      t.teardown(() => from.close());
      const batch = new FrameBatch(1);
      batch.setOffset(0, 8);
      batch.setLength(0, 100);
      batch.setFamily(0, 4);
      batch.setAddressWord(0, 0, 0x0100007f);
      batch.setPort(0, port);
      from.send(batch, 0, 1);
      t.is(batch.status(0), 0);
    });
    t.is(await lost, constants.errno.EFAULT);
  },
);

test.serial('a missing addon and one with another layout are refused with what to do', t => {
  const refused = t.throws(() => loadBatchIo('/nonexistent/batch_io.node'), { instanceOf: WeftError });
  t.is(refused?.code, 'unavailable');
  t.is(refused?.hint, 'build it: make -C dataplane/native');
  const directory = mkdtempSync(join(tmpdir(), 'weft-layout-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const other = join(directory, 'other.cjs');
  const layout = JSON.stringify({ ...batchIo.frameLayout, FRAME_TOS: 24 });
  execFileSync(process.execPath, [
    '-e',
    `fs.writeFileSync(${JSON.stringify(other)}, 'module.exports = { frameLayout: ${layout}, counterNames: ${JSON.stringify(COUNTERS)} }')`,
  ]);
  t.regex(
    t.throws(() => loadBatchIo(other), { instanceOf: WeftError })?.message ?? '',
    /lays out memory differently: FRAME_TOS$/,
  );
});
