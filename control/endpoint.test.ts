import test from 'ava';
import { parseIp } from '../dataplane/address.ts';
import { addressFromBytes, addressOf, formatEndpoint, isUsable, parseJoinTarget } from './endpoint.ts';

test('parseJoinTarget reads addresses and names with and without a port', t => {
  const forms: readonly [string, string, number, string | undefined][] = [
    ['192.0.2.1', '192.0.2.1', 7946, '192.0.2.1'],
    ['192.0.2.1:80', '192.0.2.1', 80, '192.0.2.1'],
    ['2001:DB8::1', '2001:db8::1', 7946, '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1', 7946, '2001:db8::1'],
    ['[2001:db8:0::1]:80', '2001:db8:0::1', 80, '2001:db8::1'],
    ['vm-c.example', 'vm-c.example', 7946, undefined],
    ['vm-c.example:80', 'vm-c.example', 80, undefined],
  ];
  for (const [text, host, port, address] of forms) {
    t.deepEqual(parseJoinTarget(text, 7946), { text, host, port, address } as never);
  }
});

test('parseJoinTarget refuses what is neither', t => {
  for (const text of [
    '',
    ':80',
    'a b',
    '192.0.2',
    '192.0.2.256',
    'vm:0',
    'vm:65536',
    'vm:x',
    '[vm]:80',
    '-a',
    'a..b',
    '[::1',
  ]) {
    t.throws(() => parseJoinTarget(text, 7946), { code: 'invalid_argument' }, text);
  }
});

test('addressFromBytes reads 4 and 16 bytes, and unmaps IPv4', t => {
  t.is(addressFromBytes(Uint8Array.of(192, 0, 2, 1)), '192.0.2.1' as never);
  t.is(
    addressFromBytes(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 1)),
    '192.0.2.1' as never,
  );
  t.is(
    addressFromBytes(Uint8Array.of(32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)),
    '2001:db8::1' as never,
  );
});

test('isUsable holds for addresses that one node can have', t => {
  const at = (address: string, port = 7946) => isUsable({ address: parseIp(address), port });
  for (const address of ['192.0.2.1', '127.0.0.1', '10.0.0.1', '2001:db8::1', 'fe80::1'])
    t.true(at(address), address);
  for (const address of ['0.0.0.0', '0.1.2.3', '224.0.0.1', '255.255.255.255', '::', 'ff02::1'])
    t.false(at(address), address);
  t.false(at('192.0.2.1', 0));
  t.is(formatEndpoint({ address: parseIp('2001:db8::1'), port: 1 }), '[2001:db8::1]:1');
});

test('addressOf reads what a socket says of its other end', t => {
  const forms: readonly [string | undefined, string | undefined][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:0::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['', undefined],
    [undefined, undefined],
  ];
  for (const [text, address] of forms) t.is(addressOf(text), address as never, text);
});
