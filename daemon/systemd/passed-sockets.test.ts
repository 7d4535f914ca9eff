import test from 'ava';
import { PassedDescriptors } from './passed-descriptors.ts';
import { takePassedSockets } from './passed-sockets.ts';

function passed(...names: readonly string[]): PassedDescriptors {
  const byName = new Map<string, number[]>();
  for (const [index, name] of names.entries()) byName.set(name, [...(byName.get(name) ?? []), 3 + index]);
  return new PassedDescriptors(byName);
}

for (const [names, expected] of [
  [[], []],
  [['docker'], [['docker', 3]]],
  [
    ['docker', 'api'],
    [
      ['api', 4],
      ['docker', 3],
    ],
  ],
] as const) {
  test(`takePassedSockets: ${names.join() || 'none'}`, t => {
    t.deepEqual([...takePassedSockets(passed(...names))], expected.map(([name, fd]) => [name, fd]) as never);
  });
}

test('takePassedSockets leaves what is meant for others', t => {
  const all = passed('tap-blue', 'docker', 'udp-4789', 'unknown');
  t.deepEqual([...takePassedSockets(all)], [['docker', 4]]);
  t.deepEqual(all.names, ['tap-blue', 'udp-4789', 'unknown']);
});

for (const names of [['weft-docker.socket'], ['docker', 'docker']]) {
  test(`takePassedSockets refuses ${names.join()}, which would be answered by nobody`, t => {
    t.throws(() => takePassedSockets(passed(...names)), { code: 'invalid_argument', message: /no use for/ });
  });
}
