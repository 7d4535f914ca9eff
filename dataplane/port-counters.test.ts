import test from 'ava';
import { parseIp, parseVni } from './address.ts';
import { LocalPort } from './local-port.ts';
import { Network } from './network.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { zeroCounters } from './testing/memory-pump.ts';

test('what ports have counted stays with their network when they are closed', t => {
  const network = new Network(
    { clock: new ManualClock(), time: { ms: new Float64Array(1) } },
    { name: 'blue', vni: parseVni(42), mtu: 1450, own: parseIp('192.0.2.1') },
  );
  const add = (id: string, rxFrames: number) => {
    const port = new LocalPort(id);
    const counters = { ...zeroCounters(), rxFrames, txTsoError: id === 'b' ? 22 : 0 };
    port.use({ counters, write: () => {}, close: () => {} });
    network.addPort(port);
    return { port, counters };
  };
  const [a, b] = [add('a', 5), add('b', 7)];
  t.is(network.closedPorts, undefined);
  network.removePort(a.port);
  t.is(network.closedPorts?.rxFrames, 5);
  a.counters.rxFrames = 99;
  network.removePort(b.port);
  t.deepEqual(network.closedPorts, { ...zeroCounters(), rxFrames: 12, txTsoError: 22 });
});
