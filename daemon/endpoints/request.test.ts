import test from 'ava';
import { checkAddress, checkIfname, checkMac } from './request.ts';

const good: [string, string | undefined, string][] = [
  ['198.18.0.2/24', undefined, '198.18.0.2/24'],
  ['198.18.0.2/24', '198.18.0.0/16', '198.18.0.2/24'],
  ['198.18.0.0/31', '198.18.0.0/16', '198.18.0.0/31'],
  ['198.18.0.2/32', '198.18.0.0/16', '198.18.0.2/32'],
  ['2001:DB8::1/64', '198.18.0.0/16', '2001:db8::1/64'],
];

for (const [cidr, subnet, canonical] of good) {
  test(`checkAddress() accepts ${cidr} in ${subnet ?? 'no subnet'}`, t => {
    t.is(checkAddress(cidr, subnet), canonical);
  });
}

const bad: [string, RegExp][] = [
  ['198.18.0.2', /no address with its prefix length/],
  ['198.18.0.2/24/1', /no address with its prefix length/],
  ['198.18.0.2/', /no address with its prefix length/],
  ['198.18.0.2/x', /no address with its prefix length/],
  ['198.18.2/24', /not an IP address/],
  ['198.18.0.2/33', /out of range/],
  ['198.18.0.2/0', /out of range/],
  ['2001:db8::1/129', /out of range/],
  ['198.18.0.0/24', /network address/],
  ['198.18.0.255/24', /broadcast address/],
  ['224.0.0.1/24', /multicast address/],
  ['0.0.0.0/8', /unspecified address/],
  ['127.0.0.1/8', /loopback address/],
  ['ff02::1/64', /multicast address/],
  ['198.19.0.2/24', /not in the subnet/],
];

for (const [cidr, message] of bad) {
  test(`checkAddress() refuses ${cidr}`, t => {
    t.throws(() => checkAddress(cidr, '198.18.0.0/16'), { message });
  });
}

test('checkIfname() accepts what the kernel does', t => {
  for (const name of ['eth0', 'a', 'net1.5', 'fifteen-letters']) t.is(checkIfname(name), name);
});

test('checkIfname() refuses what the kernel does', t => {
  for (const name of ['', '.', '..', 'lo', 'a/b', 'a:b', 'a b', 'sixteen-letters-']) {
    t.throws(() => checkIfname(name), { message: /is no interface name/ }, name);
  }
});

test('checkMac() gives the canonical form and refuses group addresses and zero', t => {
  t.is(checkMac('02-00-5E-10-00-01'), '02:00:5e:10:00:01');
  for (const mac of ['01:00:5e:00:00:01', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00']) {
    t.throws(() => checkMac(mac), { message: /not the address of one interface/ });
  }
  t.throws(() => checkMac('02:00:5e:10:00'), { message: /not a MAC address/ });
});
