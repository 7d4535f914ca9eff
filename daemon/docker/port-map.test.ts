import test from 'ava';
import { portMappings } from './port-map.ts';

/** As dockerd 20.10 sends it. */
const TCP = { Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 8080, HostPortEnd: 8080 };

test('portMappings: ports of the VM, with and without an address', t => {
  t.deepEqual(portMappings([TCP, { ...TCP, Proto: 17, HostIP: '127.0.0.1' }]), [
    { protocol: 'tcp', hostPort: 8080, containerPort: 80 },
    { protocol: 'udp', hostPort: 8080, containerPort: 80, hostAddress: '127.0.0.1' },
  ]);
});

test('portMappings: none', t => {
  for (const given of [undefined, null, []]) t.deepEqual(portMappings(given), []);
});

for (const [title, given, line] of [
  ['a port that weft would have to choose', [{ ...TCP, HostPort: 0, HostPortEnd: 0 }], /chooses no port/],
  ['a range to choose from', [{ ...TCP, HostPortEnd: 8090 }], /chooses no port/],
  ['SCTP', [{ ...TCP, Proto: 132 }], /IP protocol 132/],
  ['what is no list', { ...TCP }, /portmap/],
  ['a port that is none', [{ ...TCP, Port: 70_000 }], /portmap: 0\.Port/],
] as const) {
  test(`portMappings refuses ${title}`, t => {
    t.throws(() => portMappings(given), { message: line });
  });
}
