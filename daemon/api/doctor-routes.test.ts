import test from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { parseProbeLook, parseProbePath, parseProbeSend } from './doctor-routes.ts';

const TOKEN = '00112233445566778899aabbccddeeff';

test('what the doctor asks for is taken as it is', t => {
  t.deepEqual(parseProbePath({ peer: 'vm-b' }), { peer: 'vm-b' });
  const send = { token: TOKEN, probes: [{ number: 0, bytes: 1500 }] };
  t.deepEqual(parseProbeSend(send), send);
  const look = { token: TOKEN, numbers: [0, 511], wait_ms: 600 };
  t.deepEqual(parseProbeLook(look), look);
});

test('everything else is refused in one line', t => {
  const bad: readonly (() => unknown)[] = [
    () => parseProbePath({}),
    () => parseProbePath({ peer: '' }),
    () => parseProbePath({ peer: 'vm-b', more: 1 }),
    () => parseProbeSend({ token: 'short', probes: [] }),
    () => parseProbeSend({ token: TOKEN, probes: [{ number: 0, bytes: 63 }] }),
    () => parseProbeSend({ token: TOKEN, probes: [{ number: 0, bytes: 65_536 }] }),
    () => parseProbeSend({ token: TOKEN, probes: [{ number: 512, bytes: 100 }] }),
    () =>
      parseProbeSend({ token: TOKEN, probes: Array.from({ length: 65 }, () => ({ number: 0, bytes: 100 })) }),
    () => parseProbeLook({ token: TOKEN, numbers: [-1], wait_ms: 0 }),
    () => parseProbeLook({ token: TOKEN, numbers: [], wait_ms: 5001 }),
    () => parseProbeLook(null),
  ];
  for (const parse of bad) {
    const error = t.throws(parse, { instanceOf: WeftError });
    t.is(error?.code, 'invalid_argument');
    t.false(error?.line.includes('\n'));
  }
});
