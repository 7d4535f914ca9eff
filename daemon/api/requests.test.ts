import test from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import {
  parseAttachRequest,
  parseDetachRequest,
  parseExplainRequest,
  parseReleaseRequest,
} from './requests.ts';

test('parseAttachRequest fills in defaults and makes addresses canonical', t => {
  t.deepEqual(parseAttachRequest({ netns: 'web', network: 'blue' }), {
    netns: 'web',
    network: 'blue',
    addresses: [],
    ifname: 'eth0',
    mac: undefined,
  });
  t.deepEqual(
    parseAttachRequest({
      netns: '/proc/1/ns/net',
      network: 'blue',
      addresses: ['198.18.0.2/24', '2001:DB8:0::2/64'],
      ifname: 'net1',
      mac: '02-00-5E-10-00-01',
      routes: [{ dst: '2001:DB8:1::/48', gateway: '2001:DB8::1' }],
    }),
    {
      netns: '/proc/1/ns/net',
      network: 'blue',
      addresses: ['198.18.0.2/24', '2001:db8::2/64'],
      ifname: 'net1',
      mac: '02:00:5e:10:00:01',
      routes: [{ dst: '2001:db8:1::/48', gateway: '2001:db8::1' }],
    },
  );
});

test('parseAttachRequest: names come out once and in lower case', t => {
  const good = { netns: 'web', network: 'blue' };
  t.like(parseAttachRequest({ ...good, names: ['Web', 'web-1', 'WEB'] }), { names: ['web', 'web-1'] });
  t.false('names' in parseAttachRequest({ ...good, names: [] }));
  t.false(parseAttachRequest({ ...good, resolver: false }).resolver);
  t.false('resolver' in parseAttachRequest({ ...good, resolver: true }));
  t.false('bandwidth' in parseAttachRequest({ ...good, bandwidth: {} }));
  t.deepEqual(parseAttachRequest({ ...good, bandwidth: { egress: { rate: 1e6 } } }).bandwidth, {
    egress: { rate: 1e6, burst: 1_048_576 },
  });
});

test('parseAttachRequest: what is refused, and why', t => {
  const good = { netns: 'web', network: 'blue' };
  const table: readonly (readonly [unknown, string])[] = [
    [undefined, 'body'],
    [[], 'body'],
    [{ network: 'blue' }, 'namespace: is missing; add it'],
    [{ ...good, netns: 4711 }, 'namespace: expected text, not 4711; put it in quotes if it is meant as text'],
    [
      { ...good, netns: 'a\0b' },
      'namespace: "a\\u0000b" is not a namespace; give a name of ip netns, a path or a PID',
    ],
    [
      { ...good, network: 'Blue' },
      'network: "Blue" is not a network name; use lower-case letters, digits and inner dashes, as in blue or web-2',
    ],
    [
      { ...good, ifname: 'a/b' },
      'interface: "a/b" is not an interface name; use 1 to 15 letters, digits, dashes, underscores and dots, as in eth0',
    ],
    [{ ...good, addresses: '198.18.0.2/24' }, 'address: expected a list'],
    [
      { ...good, addresses: ['198.18.0.2'] },
      'address: "198.18.0.2" is not an address with a prefix length; write it as in 198.18.0.2/24 or 2001:db8::2/64',
    ],
    [
      { ...good, addresses: Array.from({ length: 33 }, (_, i) => `198.18.0.${i + 1}/24`) },
      'address: too many; give 32 at most',
    ],
    [{ ...good, addresses: ['2001:db8::2/64', '2001:DB8::2/64'] }, 'address 2001:db8::2/64 is given twice'],
    [
      { ...good, mac: '02:00' },
      'MAC: "02:00" is not a MAC address; write six bytes in hexadecimal, as in 02:00:5e:10:00:01',
    ],
    [
      { ...good, mac: '01:00:5e:10:00:01' },
      'MAC: "01:00:5e:10:00:01" is not the MAC address of one interface; choose a locally administered unicast one, as in 02:00:5e:10:00:01',
    ],
    [
      { ...good, mac: '00:00:00:00:00:00' },
      'MAC: "00:00:00:00:00:00" is not the MAC address of one interface',
    ],
    [
      { ...good, names: ['web.example'] },
      'name: "web.example" cannot be the name of a container in DNS; use 1 to 63 letters, digits, underscores and inner dashes, and no dots, as in web-1',
    ],
    [{ ...good, names: 'web' }, 'name: expected a list'],
    [{ ...good, names: Array.from({ length: 17 }, (_, i) => `web-${i}`) }, 'name: too many; give 16 at most'],
    [
      { ...good, names: Array.from({ length: 5 }, (_, i) => `${i}`.padEnd(63, 'x')) },
      'name: too long together; give at most 256 characters, one more counted for each',
    ],
    [{ ...good, resolver: 'no' }, 'resolver: expected true or false'],
    [{ ...good, bandwidth: { ingress: { rate: 100 } } }, 'bandwidth: 100 is not a rate in bits per second'],
    [
      { ...good, routes: [{ dst: '10.0.0.1/8' }] },
      'route: "10.0.0.1/8" has bits set beyond its prefix; write 10.0.0.0/8',
    ],
    [
      { ...good, routes: [{ dst: '10.0.0.0/8', gateway: '::1' }] },
      'route: 10.0.0.0/8 and its gateway ::1 are of different families; give both of IPv4 or of IPv6',
    ],
    [{ ...good, routes: [{ dst: '10.0.0.0/8', gw: '198.18.0.1' }] }, '"gw": unknown key'],
    [
      { ...good, routes: Array.from({ length: 65 }, () => ({ dst: '::/0' })) },
      'route: too many; give 64 at most',
    ],
    [{ ...good, ifName: 'eth1' }, '"ifName": unknown key; see docs/cli.md for the keys of a request'],
  ];
  for (const [body, reason] of table) {
    const error = t.throws(() => parseAttachRequest(body), { instanceOf: WeftError }, reason);
    t.is(error?.code, 'invalid_argument');
    t.true(error?.line.startsWith(`cannot attach: ${reason}`), error?.line);
  }
});

test('parseDetachRequest takes no addresses', t => {
  t.deepEqual(parseDetachRequest({ netns: '4711', network: 'blue' }), {
    netns: '4711',
    network: 'blue',
    ifname: 'eth0',
  });
  const error = t.throws(() => parseDetachRequest({ netns: 'a', network: 'b', addresses: [] }), {
    instanceOf: WeftError,
  });
  t.regex(error?.line ?? '', /^cannot detach: "addresses": unknown key/);
});

test('parseExplainRequest and parseReleaseRequest take a MAC in any way of writing it', t => {
  const mac = '02-00-5E-10-00-03';
  t.deepEqual(parseExplainRequest({ mac }), { mac: '02:00:5e:10:00:03', network: undefined });
  t.deepEqual(parseExplainRequest({ mac, network: 'blue' }), { mac: '02:00:5e:10:00:03', network: 'blue' });
  t.deepEqual(parseReleaseRequest({ mac, network: 'blue' }), { mac: '02:00:5e:10:00:03', network: 'blue' });
});

test('parseExplainRequest and parseReleaseRequest: what is refused, and why', t => {
  const mac = '02:00:5e:10:00:03';
  const table: readonly (readonly [(body: unknown) => unknown, unknown, string])[] = [
    [parseExplainRequest, {}, 'cannot explain: MAC: is missing; add it'],
    [parseExplainRequest, { mac: 'web' }, 'cannot explain: MAC: "web" is not a MAC address; write six bytes'],
    [
      parseExplainRequest,
      { mac: 'ff:ff:ff:ff:ff:ff' },
      'cannot explain: MAC: "ff:ff:ff:ff:ff:ff" is not the MAC address of one interface; give one of weft endpoints or weft fdb',
    ],
    // What ?mac=…&mac=… comes to.
    [parseExplainRequest, { mac: [mac, mac] }, 'cannot explain: MAC: expected text, not a list'],
    [parseExplainRequest, { mac, network: 'Blue' }, 'cannot explain: network: "Blue" is not a network name'],
    [parseExplainRequest, { mac, vni: '42' }, 'cannot explain: "vni": unknown key'],
    [parseReleaseRequest, { mac }, 'cannot release: network: is missing; add it'],
    [parseReleaseRequest, { mac: 'x', network: 'blue' }, 'cannot release: MAC: "x" is not a MAC address'],
    [parseReleaseRequest, undefined, 'cannot release: body'],
  ];
  for (const [parse, body, line] of table) {
    const error = t.throws(() => parse(body), { instanceOf: WeftError, code: 'invalid_argument' }, line);
    t.true(error?.line.startsWith(line), error?.line);
  }
});
