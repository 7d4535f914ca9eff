import { constants } from 'node:os';
import test from 'ava';
import { injectedErrno } from './fault-injection.ts';

test('injectedErrno: nothing set, nothing injected', t => {
  t.is(injectedErrno('udp-segment', undefined), 0);
  t.is(injectedErrno('udp-segment', ''), 0);
});

test('injectedErrno: the errno by its name, of the fault that is named', t => {
  t.is(injectedErrno('udp-segment', 'udp-segment=EIO'), constants.errno.EIO);
  t.is(injectedErrno('udp-gro', 'udp-segment=EIO'), 0);
});

test('injectedErrno: several faults at once', t => {
  const text = 'tap-tso=EINVAL,udp-gro=EIO';
  t.is(injectedErrno('tap-tso', text), constants.errno.EINVAL);
  t.is(injectedErrno('udp-gro', text), constants.errno.EIO);
  t.is(injectedErrno('tap-uso', text), 0);
});

for (const text of [
  'udp-segment',
  'udp-segment=',
  'udp-segment=EWHAT',
  'udp-segment=toString',
  'udp-segment=EIO=EIO',
  'tso=EIO',
  'udp-segment=EIO,',
  'udp-gro=EIO,tso=EIO',
]) {
  test(`injectedErrno: "${text}" is refused`, t => {
    t.like(
      t.throws(() => injectedErrno('udp-segment', text)),
      { code: 'invalid_argument' },
    );
  });
}
