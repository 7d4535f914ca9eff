import test from 'ava';
import { WeftError } from '../dataplane/errors.ts';
import {
  isHostName,
  parseContainerName,
  parseInterfaceName,
  parseNetworkName,
  parseNodeName,
} from './names.ts';

const TABLE = [
  {
    parse: parseNetworkName,
    good: ['b', 'blue', '0', 'a-b', 'a'.repeat(12), 'x--y'],
    bad: ['', '-a', 'a-', 'Blue', 'a_b', 'a.b', 'a b', 'a'.repeat(13), 'blau\n', 'ä'],
  },
  {
    parse: parseNodeName,
    good: ['a', 'vm-a', 'vm-a.example', '10', 'ip-192-0-2-1.internal', 'a'.repeat(63)],
    bad: ['', 'VM', '-a', 'a-', 'a..b', '.a', 'a.', 'a_b', 'a/b', `${'a'.repeat(40)}.${'b'.repeat(40)}`],
  },
  {
    parse: parseInterfaceName,
    good: ['eth0', 'a', 'wf-blue', 'x'.repeat(15), 'eth0.5', 'a_b', '...'],
    bad: [
      '',
      '.',
      '..',
      'x'.repeat(16),
      'a/b',
      'a b',
      'a:1',
      'eth%d',
      'a\n',
      'ä',
      'a#b',
      '$(id)',
      'a;b',
      'a@b',
    ],
  },
  {
    parse: parseContainerName,
    good: ['a', 'web', 'web-1', 'my_app_1', '_srv', '0', 'a'.repeat(63)],
    bad: ['', '-a', 'a-', 'a.b', 'web.', 'a b', 'a'.repeat(64), 'web\n', 'wéb', '*', '\u212a'],
  },
];

for (const { parse, good, bad } of TABLE) {
  test(`${parse.name} returns each legal name and refuses each other one`, t => {
    for (const name of good) t.is(parse(name), name);
    for (const name of bad) {
      t.throws(() => parse(name), { instanceOf: WeftError, code: 'invalid_argument' }, JSON.stringify(name));
    }
  });
}

test('parseContainerName: names of DNS have no case', t => {
  t.is(parseContainerName('Web-1'), 'web-1');
});

test('parseNetworkName tells why a long name is refused', t => {
  t.regex(t.throws(() => parseNetworkName('a'.repeat(13)), { instanceOf: WeftError })?.line ?? '', /wf-NAME/);
});

test('isHostName refuses what looks like an IPv4 address', t => {
  for (const name of ['vm-b', 'VM-B.example', '3com.example', 'a.b1']) t.true(isHostName(name), name);
  for (const name of ['192.0.2.999', '1', 'a.1', '', 'a..b', 'a_b', 'x.'.repeat(127)])
    t.false(isHostName(name), name);
});
