import { constants } from 'node:os';
import test from 'ava';
import { injectedErrno } from './fault-injection.ts';

test('injectedErrno: nothing set, nothing injected', t => {
  t.is(injectedErrno('udp-segment', undefined), 0);
  t.is(injectedErrno('udp-segment', ''), 0);
});

test('injectedErrno: the errno by its name', t => {
  t.is(injectedErrno('udp-segment', 'udp-segment=EIO'), constants.errno.EIO);
});

for (const text of ['udp-segment', 'udp-segment=', 'udp-segment=EWHAT', 'udp-segment=toString', 'tso=EIO']) {
  test(`injectedErrno: "${text}" is refused`, t => {
    t.like(
      t.throws(() => injectedErrno('udp-segment', text)),
      { code: 'invalid_argument' },
    );
  });
}
