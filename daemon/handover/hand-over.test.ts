import { closeSync, openSync, readlinkSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../dataplane/clock.ts';
import { type DescriptorStore, NO_STORE } from '../../dataplane/descriptor-store.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { batchIo } from '../../dataplane/native/batch-io.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { waitFor } from '../lab/wait-for.ts';
import { PassedDescriptors } from '../systemd/passed-descriptors.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { DescriptorShelf } from './descriptor-shelf.ts';
import { HandOver, type HandOverModules } from './hand-over.ts';
import { Predecessor } from './predecessor.ts';
import { takeOver } from './take-over.ts';

const { pid } = process;

function handOverOf(t: ExecutionContext, modules: Partial<HandOverModules> = {}) {
  const shelf = modules.shelf ?? new DescriptorShelf(NO_STORE);
  const handOver = new HandOver({ clock: systemClock, relay: undefined, pid, ...modules, shelf });
  t.teardown(() => handOver.done());
  return { shelf, handOver };
}

/** A manager that keeps copies, as systemd does. */
function manager(): DescriptorStore & { readonly kept: Map<string, number[]> } {
  const kept = new Map<string, number[]>();
  return {
    kept,
    keeps: true,
    store: (name, fds) => Boolean(kept.set(name, fds.map(batchIo.duplicateDescriptor))),
    unstore: name => void kept.delete(name),
  };
}

function eventsOf(lines: readonly Record<string, unknown>[]): unknown[] {
  return lines.map(({ event }) => event);
}

test('another process takes copies of all descriptors, waits until the first has let go, and ends its part', async t => {
  const { shelf, handOver } = handOverOf(t);
  const file = openSync('/dev/zero', 'r');
  t.teardown(() => closeSync(file));
  shelf.store('tap-a', [file]);
  t.false(shelf.keeps);
  const offer = handOver.offer();
  t.throws(() => handOver.offer(), { message: /taking over from this one already/ });
  const taken = takeOver(offer, { clock: systemClock });
  t.is(await handOver.agreed, 'take-over');
  t.true(shelf.keeps);
  const { log, lines } = memoryLog();
  const lingering = handOver.linger(log);
  const { passed, predecessor } = await taken;
  const [copy = -1] = passed.take('tap-a');
  t.not(copy, file);
  t.is(readlinkSync(`/proc/self/fd/${copy}`), '/dev/zero');
  batchIo.closeDescriptor(copy);
  const finished = predecessor.finish();
  await lingering;
  handOver.done();
  t.true(await finished);
  t.deepEqual(eventsOf(lines), ['handing_over', 'handed_over']);
});

test('a process that asked and does not take anything changes nothing', async t => {
  const clock = new ManualClock();
  const { shelf, handOver } = handOverOf(t, { clock });
  handOver.offer();
  clock.advance(5000);
  // The offer is withdrawn: the next one is as good as the first.
  const offerAgain = () => {
    try {
      return handOver.offer();
    } catch {
      return undefined;
    }
  };
  const again = await waitFor(offerAgain, { what: 'another offer' });
  t.deepEqual(Object.keys(again.descriptors), ['hand-over']);
  clock.advance(5000);
  await waitFor(() => offerAgain() !== undefined, { what: 'a third' });
  t.false(shelf.keeps);
});

test('a descriptor that cannot be copied is told, and nothing is taken', async t => {
  const offer = { pid, descriptors: { 'tap-a': [1_000_000] } };
  await t.throwsAsync(takeOver(offer, { clock: systemClock }), {
    message: /cannot copy descriptor 1000000 \(tap-a\) of process/,
  });
  await t.throwsAsync(takeOver({ pid, descriptors: {} }, { clock: systemClock }), {
    message: /nothing to talk/,
  });
});

test('a service that is restarted: the stream lies in the store, the relay ends first, and the next process ends it all', async t => {
  const store = manager();
  const done: string[] = [];
  const relay = { notify: () => 0, release: () => void done.push('released') };
  const { handOver } = handOverOf(t, { shelf: new DescriptorShelf(store), relay });
  t.throws(() => handOver.offer(), { instanceOf: WeftError, message: /run by a service manager/ });
  handOver.restart();
  t.deepEqual([...store.kept.keys()], ['hand-over']);
  t.deepEqual(done, []);
  const { log, lines } = memoryLog();
  const lingering = handOver.linger(log);
  t.deepEqual(done, ['released']);
  const predecessor = Predecessor.among(new PassedDescriptors(store.kept), { clock: systemClock });
  const finished = predecessor?.finish();
  await lingering;
  handOver.done();
  t.true(await finished);
  t.deepEqual(eventsOf(lines), ['handing_over', 'handed_over']);
});

test('without a relay, and at a stop that is none of a restart, nobody is waited for', async t => {
  const store = manager();
  const { handOver } = handOverOf(t, { shelf: new DescriptorShelf(store) });
  handOver.restart();
  const { log, lines } = memoryLog();
  await handOver.linger(log);
  handOver.done();
  t.deepEqual(lines, []);
  t.deepEqual([...store.kept], []);
});

test('a next process that does not come is waited for ten seconds', async t => {
  const clock = new ManualClock();
  const relay = { notify: () => 0, release: () => {} };
  const { handOver } = handOverOf(t, { clock, shelf: new DescriptorShelf(manager()), relay });
  handOver.restart();
  const { log, lines } = memoryLog();
  const lingering = handOver.linger(log);
  clock.advance(10_000);
  await lingering;
  handOver.done();
  t.deepEqual(eventsOf(lines), ['handing_over', 'not_handed_over']);
});

test('of a process that has ended nothing is passed on', t => {
  t.is(Predecessor.among(new PassedDescriptors(new Map()), { clock: systemClock }), undefined);
});
