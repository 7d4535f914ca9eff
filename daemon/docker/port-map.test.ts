import test from 'ava';
import { portWishes } from './port-map.ts';

/** As dockerd 20.10 sends it. */
const TCP = { Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 8080, HostPortEnd: 8080 };
const WISH = { protocol: 'tcp', containerPort: 80, hostPorts: [8080, 8080] };

test('portWishes: ports of the VM, with and without an address', t => {
  const udp = { ...TCP, Proto: 17, HostIP: '127.0.0.1' };
  t.deepEqual(portWishes([TCP, udp]), [
    WISH,
    { ...WISH, protocol: 'udp', hostAddress: '127.0.0.1' },
  ] as never);
});

test('portWishes: all addresses of the VM, said in three ways', t => {
  for (const HostIP of ['', '0.0.0.0', '::']) t.deepEqual(portWishes([{ ...TCP, HostIP }]), [WISH] as never);
});

test('portWishes: ports to choose from', t => {
  t.deepEqual(portWishes([{ ...TCP, HostPort: 0, HostPortEnd: 0 }])[0]?.hostPorts, [32_768, 60_999]);
  t.deepEqual(portWishes([{ ...TCP, HostPortEnd: 8090 }])[0]?.hostPorts, [8080, 8090]);
  t.deepEqual(portWishes([{ ...TCP, HostPortEnd: 0 }])[0]?.hostPorts, [8080, 8080]);
});

test('portWishes: none', t => {
  for (const given of [undefined, null, []]) t.deepEqual(portWishes(given), []);
});

for (const [title, given, line] of [
  ['SCTP', [{ ...TCP, Proto: 132 }], /IP protocol 132/],
  ['what is no list', { ...TCP }, /portmap/],
  ['a port that is none', [{ ...TCP, Port: 70_000 }], /portmap: 0\.Port/],
  ['an address that no VM has', [{ ...TCP, HostIP: '224.0.0.1' }], /cannot be published at 224\.0\.0\.1/],
] as const) {
  test(`portWishes refuses ${title}`, t => {
    t.throws(() => portWishes(given), { message: line });
  });
}
