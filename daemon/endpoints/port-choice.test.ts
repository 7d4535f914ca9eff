import test from 'ava';
import { ANY_PORT, choosePorts, type PortWish } from './port-choice.ts';
import type { PortMapping } from './port-mapping.ts';

const none = () => false;

function wish(first: number, last = first, over: Partial<PortWish> = {}): PortWish {
  return { protocol: 'tcp', containerPort: 80, hostPorts: [first, last], ...over };
}

function published(hostPort: number, over: Partial<PortMapping> = {}): PortMapping {
  return { protocol: 'tcp', containerPort: 1, hostPort, ...over };
}

const portsOf = (mappings: readonly PortMapping[]) => mappings.map(({ hostPort }) => hostPort);

test('choosePorts: the port that is named, whoever listens there', t => {
  t.deepEqual(
    choosePorts([wish(8080, 8080, { hostAddress: '192.0.2.1' })], [], () => true),
    [{ protocol: 'tcp', containerPort: 80, hostPort: 8080, hostAddress: '192.0.2.1' }],
  );
});

test('choosePorts: of several the first that nobody publishes and nobody listens on', t => {
  const [first, last] = ANY_PORT;
  const isListening = (protocol: string, port: number) => protocol === 'tcp' && port === first + 1;
  const chosen = choosePorts([wish(first, last)], [published(first)], isListening);
  t.deepEqual(portsOf(chosen), [first + 2]);
  const udp = choosePorts([wish(first, last, { protocol: 'udp' })], [published(first)], isListening);
  t.deepEqual(portsOf(udp), [first]);
});

test('choosePorts: no port twice, and who has no choice comes first', t => {
  t.deepEqual(
    portsOf(choosePorts([wish(8000, 8002), wish(8000), wish(8000, 8002)], [], none)),
    [8000, 8001, 8002],
  );
});

test('choosePorts: an address of the VM beside another one', t => {
  const other = published(8000, { hostAddress: '192.0.2.1' });
  t.deepEqual(portsOf(choosePorts([wish(8000, 8001, { hostAddress: '192.0.2.2' })], [other], none)), [8000]);
  t.deepEqual(portsOf(choosePorts([wish(8000, 8001)], [other], none)), [8001]);
});

test('choosePorts says which ports are all taken', t => {
  t.throws(() => choosePorts([wish(8000, 8001)], [published(8000), published(8001)], none), {
    code: 'conflict',
    message: 'no port of 8000 to 8001/tcp of this VM is free',
  });
});
