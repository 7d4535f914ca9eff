import test from 'ava';
import type { Endpoint } from './endpoint.ts';
import {
  clash,
  formatPortMapping,
  parsePortMapping,
  refuseRepeated,
  refuseTakenPorts,
  sharedPort,
} from './port-mapping.ts';

const TCP = { protocol: 'tcp', hostPort: 8080, containerPort: 80 } as const;

for (const [text, expected] of [
  ['8080:80', TCP],
  ['8080:80/tcp', TCP],
  ['5353:53/udp', { protocol: 'udp', hostPort: 5353, containerPort: 53 }],
  ['192.0.2.1:8080:80', { ...TCP, hostAddress: '192.0.2.1' }],
  ['[2001:DB8::1]:8080:80/udp', { ...TCP, protocol: 'udp', hostAddress: '2001:db8::1' }],
  ['127.0.0.1:1:65535', { protocol: 'tcp', hostPort: 1, containerPort: 65_535, hostAddress: '127.0.0.1' }],
] as const) {
  test(`published: ${text}`, t => {
    t.deepEqual(parsePortMapping(text), expected);
    t.deepEqual(parsePortMapping(formatPortMapping(expected)), expected);
  });
}

for (const [text, message] of [
  ['', /^"" is no port to publish$/],
  ['80', /^"80" is no port to publish$/],
  ['8080:', /is no port to publish$/],
  ['0:80', /0 is not a port; write a whole number from 1 to 65535$/],
  ['8080:65536', /65536 is not a port/],
  ['8080:80/sctp', /"sctp" is not known here; write tcp or udp$/],
  ['here:8080:80', /"here" is not an IP address/],
  ['2001:db8::1:8080:80', /is no port to publish$/],
  ['0.0.0.0:8080:80', /is an address of "this network"/],
  ['8080:80:90:100', /is no port to publish$/],
  ['-1:80', /is no port to publish$/],
] as const) {
  test(`refused: "${text}"`, t => {
    t.throws(() => parsePortMapping(text), { code: 'invalid_argument', message });
  });
}

test('two want one port when one packet could be meant for both', t => {
  t.true(clash(TCP, { ...TCP, containerPort: 81 }));
  t.true(clash(TCP, { ...TCP, hostAddress: '192.0.2.1' }));
  t.false(clash({ ...TCP, hostAddress: '192.0.2.2' }, { ...TCP, hostAddress: '192.0.2.1' }));
  t.false(clash(TCP, { ...TCP, protocol: 'udp' }));
  t.false(clash(TCP, { ...TCP, hostPort: 8081 }));
  t.throws(() => refuseRepeated([TCP, { ...TCP, containerPort: 81 }]), {
    message: 'cannot attach: port 8080/tcp is published twice',
  });
  t.notThrows(() => refuseRepeated([TCP, { ...TCP, protocol: 'udp' }]));
});

test('a port that another endpoint has is refused, and who has it is told', t => {
  const endpoint = (name: string, changes: Partial<Endpoint> = {}) =>
    ({ network: 'blue', ifname: 'eth0', netns: { name }, ports: [TCP], ...changes }) as Endpoint;
  const web = endpoint('web', { network: 'red' });
  t.throws(() => refuseTakenPorts(endpoint('db'), [web]), {
    code: 'conflict',
    message: 'port 8080/tcp of this VM is published by eth0 of web in network red already',
  });
  const ofCni = endpoint('/proc/7/ns/net', { container: { runtime: 'cni', id: 'c7', network: 'blue' } });
  t.throws(
    () => refuseTakenPorts(endpoint('db', { ports: [{ ...TCP, hostAddress: '192.0.2.1' }] }), [ofCni]),
    {
      message: 'port 8080/tcp of 192.0.2.1 of this VM is published by eth0 of c7 in network blue already',
    },
  );
  t.notThrows(() => refuseTakenPorts(endpoint('db', { ports: [] }), [web]));
  t.is(sharedPort({}, web), undefined);
});
