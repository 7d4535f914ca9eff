import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import test from 'ava';
import { batchIo } from '../../dataplane/native/batch-io.ts';
import { takePassedDescriptors } from './passed-descriptors.ts';

const PID = 4711;

function taken(environment: Record<string, string>, open: (fd: number) => boolean = () => true) {
  return takePassedDescriptors(environment, { pid: PID, adopt: fd => (open(fd) ? 0 : -9) });
}

test('takePassedDescriptors() counts from 3, by name, and leaves nothing for children', t => {
  const environment = {
    LISTEN_PID: '4711',
    LISTEN_FDS: '4',
    LISTEN_FDNAMES: 'api:tap-blue:tap-blue:',
    HOME: '/',
  };
  const passed = taken(environment);
  t.deepEqual(environment as object, { HOME: '/' });
  t.deepEqual(passed.names, ['api', 'tap-blue', 'unknown']);
  t.is(passed.look('tap-'), 4);
  t.is(passed.look('vxlan-'), undefined);
  t.deepEqual(passed.take('tap-blue'), [4, 5]);
  t.deepEqual(passed.take('tap-blue'), [], 'they are taken');
  t.deepEqual(passed.take('unknown'), [6]);
  t.deepEqual(passed.names, ['api']);
});

test('takePassedDescriptors() leaves out what is not open', t => {
  const passed = taken({ LISTEN_PID: '4711', LISTEN_FDS: '3', LISTEN_FDNAMES: 'a:b:c' }, fd => fd !== 4);
  t.deepEqual(passed.names, ['a', 'c']);
});

for (const [what, environment] of [
  ['nothing', {}],
  ['those of another process', { LISTEN_PID: '1', LISTEN_FDS: '2' }],
  ['no number', { LISTEN_PID: '4711', LISTEN_FDS: 'two' }],
  ['none', { LISTEN_PID: '4711', LISTEN_FDS: '0' }],
] as const) {
  test(`takePassedDescriptors(): ${what}`, t => {
    t.deepEqual(taken({ ...environment }).names, []);
  });
}

test('the kernel tells descriptors that are open from others', t => {
  const fd = openSync('/dev/null', 'r');
  t.is(batchIo.adoptDescriptor(fd), 0);
  closeSync(fd);
  t.is(batchIo.adoptDescriptor(1_000_000), -constants.errno.EBADF);
  t.throws(() => batchIo.adoptDescriptor(-1), { instanceOf: RangeError });
});
