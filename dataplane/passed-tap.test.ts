import { readSync } from 'node:fs';
import { constants } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { batchIo } from './native/batch-io.ts';
import { ip, makeNamespace } from './native/testing/namespace.ts';
import { closeTap, openTap, type TapDevice } from './tap-device.ts';
import { tunFlags } from './tun-flags.ts';

const TAP = 'wf0';
const VNET_HEADER_SIZE = 12;
/** asm-generic/errno.h: file descriptor in bad state. */
const EBADFD = 77;

interface World {
  readonly name: string;
  readonly path: string;
}

function device(
  t: ExecutionContext,
  { path }: World,
  queues: number,
  passed: readonly number[] = [],
): TapDevice {
  const opened = openTap({ name: TAP, netnsPath: path, persist: true, queues, passed });
  t.teardown(() => closeOnce(opened));
  return opened;
}

const closed = new WeakSet<TapDevice>();

/** A number that is closed twice may be somebody else's by then. */
function closeOnce(tap: TapDevice): void {
  if (!closed.has(tap)) closeTap(tap);
  closed.add(tap);
}

function copies({ fds }: TapDevice): number[] {
  return fds.map(fd => batchIo.duplicateDescriptor(fd));
}

/** MACs of the sources of what waits in a TAP. */
function waiting(fd: number): string[] {
  const found: string[] = [];
  for (;;) {
    const frame = Buffer.alloc(2000);
    try {
      readSync(fd, frame);
    } catch (error) {
      if ((error as { errno: number }).errno === -constants.errno.EAGAIN) return found;
      throw error;
    }
    found.push(frame.toString('hex', VNET_HEADER_SIZE + 6, VNET_HEADER_SIZE + 12));
  }
}

/** Makes the kernel send an ARP request by the device. */
function provoke({ name }: World, host: number): void {
  ip('-n', name, 'neigh', 'add', `198.18.0.${host}`, 'dev', TAP, 'nud', 'none');
  ip('-n', name, 'neigh', 'change', `198.18.0.${host}`, 'dev', TAP, 'use');
}

test('a TAP whose descriptor is passed keeps its carrier, and what waits in it', t => {
  const world = makeNamespace(t);
  const before = device(t, world, 1);
  for (const change of [
    ['link', 'set', 'dev', TAP, 'address', '02:00:5e:10:00:01', 'up'],
    ['addr', 'add', '198.18.0.1/24', 'dev', TAP],
  ])
    ip('-n', world.name, ...change);
  waiting(before.fd);
  const passed = copies(before);
  closeOnce(before);
  t.regex(ip('-n', world.name, 'link', 'show', 'dev', TAP), /LOWER_UP/);
  provoke(world, 7);
  const after = device(t, world, 1, passed);
  t.deepEqual(after.fds, passed);
  t.true(waiting(after.fd).includes('02005e100001'));
  t.deepEqual(after.superFrames, before.superFrames);
});

for (const { had, now } of [
  { had: 2, now: 2 },
  { had: 3, now: 2 },
  { had: 2, now: 3 },
  { had: 1, now: 2 },
]) {
  test(`of ${had} queues that are passed, ${now} are wanted`, t => {
    const world = makeNamespace(t);
    const before = device(t, world, had);
    const passed = copies(before);
    closeOnce(before);
    const after = device(t, world, now, passed);
    // One that was made with a single queue keeps it.
    t.is(after.fds.length, had === 1 ? 1 : now);
    const kept = passed.slice(0, now);
    t.deepEqual(after.fds.slice(0, kept.length), kept);
    for (const fd of after.fds) t.is(typeof tunFlags(fd), 'number');
    for (const fd of passed.slice(now)) t.deepEqual(tunFlags(fd), { errno: constants.errno.EBADF });
  });
}

test('descriptors of a device that is gone are closed, and the device is opened by its name', t => {
  const world = makeNamespace(t);
  const before = device(t, world, 1);
  const passed = copies(before);
  ip('-n', world.name, 'link', 'del', 'dev', TAP);
  closeOnce(before);
  t.deepEqual(tunFlags(passed[0] ?? -1), { errno: EBADFD });
  const after = device(t, world, 1, passed);
  t.is(typeof tunFlags(after.fd), 'number');
  t.is(after.name, TAP);
});

test('what is passed is closed when the device cannot be had', t => {
  const { path } = makeNamespace(t);
  const other = openTap({ name: 'wf1', netnsPath: path, persist: false });
  t.teardown(() => closeTap(other));
  const passed = copies(other);
  t.throws(() => openTap({ name: TAP, netnsPath: path, persist: true, mtu: 1_000_000, passed }));
  t.deepEqual(tunFlags(passed[0] ?? -1), { errno: constants.errno.EBADF });
});
