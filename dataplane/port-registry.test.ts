import test from 'ava';
import { parseVni } from './address.ts';
import { PortRegistry } from './port-registry.ts';

const BLUE = parseVni(42);
const GREEN = parseVni(43);

test('ports with one queue are divided among the workers, also after some are gone', t => {
  const ports = new PortRegistry({ workers: 3 });
  const add = (n: number) => ports.addSingle({ vni: BLUE, port: `tap${n}` });
  t.deepEqual([0, 1, 2, 3, 4, 5].map(add), [0, 1, 2, 0, 1, 2]);
  for (const n of [1, 4]) t.true(ports.remove({ vni: BLUE, port: `tap${n}` }));
  t.deepEqual([6, 7, 8].map(add), [1, 1, 0]);
});

test('ports with a queue for each worker burden none', t => {
  const ports = new PortRegistry({ workers: 2 });
  t.is(ports.addShared({ vni: BLUE, port: 'wt-blue' }), undefined);
  t.is(ports.addSingle({ vni: BLUE, port: 'tap0' }), 0);
  t.is(ports.addSingle({ vni: BLUE, port: 'tap1' }), 1);
});

test('remove() says whether the port was there; removeNetwork() takes all of a network', t => {
  const ports = new PortRegistry({ workers: 2 });
  ports.addSingle({ vni: BLUE, port: 'tap0' });
  ports.addSingle({ vni: GREEN, port: 'tap0' });
  t.true(ports.remove({ vni: BLUE, port: 'tap0' }));
  t.false(ports.remove({ vni: BLUE, port: 'tap0' }));
  ports.removeNetwork(GREEN);
  t.false(ports.remove({ vni: GREEN, port: 'tap0' }));
  t.is(ports.addSingle({ vni: BLUE, port: 'tap0' }), 0, 'all workers are free again');
});
