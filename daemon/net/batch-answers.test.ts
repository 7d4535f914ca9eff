import test from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { BatchAnswers } from './batch-answers.ts';

/** What iproute2 6.1 writes of: address show, MARK, route get A, route get B, route get C, MARK, neigh show, MARK. */
const ENDS = [2, 6, 8];
const OUTPUT = `[{"ifindex":1,"ifname":"lo"},{"ifindex":2,"ifname":"eth0"}]
Object "weft-end" is unknown, try "ip help".
Command failed -:2
[{"dst":"192.0.2.2","dev":"eth0"}]
RTNETLINK answers: Network is unreachable
Command failed -:4
[{"dst":"192.0.2.3","dev":"eth0"}]
Object "weft-end" is unknown, try "ip help".
Command failed -:6
Object "weft-end" is unknown, try "ip help".
Command failed -:8
`;
const EXPECTED = [
  {
    items: [
      { ifindex: 1, ifname: 'lo' },
      { ifindex: 2, ifname: 'eth0' },
    ],
    failure: undefined,
  },
  {
    items: [
      { dst: '192.0.2.2', dev: 'eth0' },
      { dst: '192.0.2.3', dev: 'eth0' },
    ],
    failure: 'RTNETLINK answers: Network is unreachable',
  },
  { items: [], failure: undefined },
];

for (const bytes of [1, 7, 100, OUTPUT.length]) {
  test(`answers are taken apart, however they come: ${bytes} bytes at once`, t => {
    const reader = new BatchAnswers(ENDS);
    for (let at = 0; at < OUTPUT.length; at += bytes) {
      t.false(reader.isComplete);
      reader.push(OUTPUT.slice(at, at + bytes));
    }
    t.true(reader.isComplete);
    t.deepEqual(reader.answers, EXPECTED);
  });
}

test('of several commands that are refused, the first is told; what is said besides is not', t => {
  const reader = new BatchAnswers([3, 4]);
  reader.push('Cannot find device "a"\nCommand failed -:1\nCannot find device "b"\nCommand failed -:2\n');
  reader.push('Object "weft-end" is unknown, try "tc help".\nCommand failed -:3\n');
  reader.push('Dump was interrupted and may be inconsistent.\n[ ]\n');
  reader.push('Object "weft-end" is unknown, try "tc help".\nCommand failed -:4\n');
  t.deepEqual(reader.answers, [
    { items: [], failure: 'Cannot find device "a"' },
    { items: [], failure: undefined },
  ]);
});

test('what starts like JSON and is not is an error', t => {
  const error = t.throws(() => new BatchAnswers([1]).push('[{"ifindex":1,\n'), { instanceOf: WeftError });
  t.is(error?.message, 'cannot be read: [{"ifindex":1,');
});
