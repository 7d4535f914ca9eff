import test from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { parseHostPort, parseListen } from './host-port.ts';

test('parseHostPort: what is accepted', t => {
  const table: readonly (readonly [string, string, number | undefined])[] = [
    ['vm-b', 'vm-b', undefined],
    ['VM-b.Example:1', 'vm-b.example', 1],
    ['vm-b:65535', 'vm-b', 65_535],
    ['192.0.2.2', '192.0.2.2', undefined],
    ['192.0.2.2:7947', '192.0.2.2', 7947],
    ['2001:DB8::2', '2001:db8::2', undefined],
    ['::1', '::1', undefined],
    ['[2001:db8::2]', '2001:db8::2', undefined],
    ['[2001:db8::2]:7947', '2001:db8::2', 7947],
    ['2001:db8::7946', '2001:db8::7946', undefined],
    ['127.0.0.1:7946', '127.0.0.1', 7946],
  ];
  for (const [text, host, port] of table) t.deepEqual(parseHostPort(text), { host, port }, text);
});

test('parseHostPort: what is refused', t => {
  const table: readonly (readonly [string, RegExp])[] = [
    ['', /neither a host name nor an address/],
    ['a_b', /neither/],
    ['-a:7946', /neither/],
    [':7946', /neither/],
    ['http://vm-b', /no legal port/],
    ['[vm-b]:7946', /neither/],
    ['[192.0.2.2]:7946', /neither/],
    ['[]:7946', /neither/],
    ['[::1', /not an IP address/],
    ['[::1]7946', /not an IP address/],
    ['192.0.2.999', /not an IP address/],
    ['192.0.2', /not an IP address/],
    ['fe80::1%eth0', /not an IP address/],
    ['fe80::1', /link-local/],
    ['0.0.0.0:7946', /this network/],
    ['224.0.0.1', /multicast/],
    ['vm-b:', /no legal port/],
    ['vm-b:0', /no legal port/],
    ['vm-b:65536', /no legal port/],
    ['vm-b:+1', /no legal port/],
    ['vm-b:0x10', /no legal port/],
    ['[::1]:', /no legal port/],
  ];
  for (const [text, expected] of table) {
    const error = t.throws(() => parseHostPort(text), { instanceOf: WeftError }, text);
    t.regex(error?.line ?? '', expected, text);
  }
});

test('parseListen: an address and a port, wildcards too', t => {
  const table: readonly (readonly [string, string, number])[] = [
    ['127.0.0.1:9473', '127.0.0.1', 9473],
    ['0.0.0.0:1', '0.0.0.0', 1],
    ['[::]:9473', '::', 9473],
    ['[2001:DB8::1]:65535', '2001:db8::1', 65_535],
  ];
  for (const [text, host, port] of table)
    t.deepEqual<unknown, unknown>(parseListen(text), { host, port }, text);
  for (const text of [
    '',
    '9473',
    ':9473',
    '*:9473',
    'localhost:9473',
    '::1:9473',
    '[127.0.0.1]:9473',
    '[::1]',
    '127.0.0.1',
  ])
    t.throws(
      () => parseListen(text),
      { instanceOf: WeftError, message: /is not an address and a port/ },
      text,
    );
  for (const text of ['127.0.0.1:0', '127.0.0.1:65536'])
    t.throws(() => parseListen(text), { instanceOf: WeftError, message: /no legal port/ }, text);
});
