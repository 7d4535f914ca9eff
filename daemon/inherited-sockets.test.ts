import test from 'ava';
import { inheritedSockets } from './inherited-sockets.ts';

const PID = 7;

for (const [title, env, expected] of [
  ['none', {}, []],
  ['meant for another process', { LISTEN_PID: '8', LISTEN_FDS: '1', LISTEN_FDNAMES: 'docker' }, []],
  ['one', { LISTEN_PID: '7', LISTEN_FDS: '1', LISTEN_FDNAMES: 'docker' }, [['docker', 3]]],
  [
    'two, in the order of their names',
    { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'docker:api' },
    [
      ['docker', 3],
      ['api', 4],
    ],
  ],
] as const) {
  test(`inheritedSockets: ${title}`, t => {
    t.deepEqual(
      [...inheritedSockets(env, PID)],
      expected.map(([name, fd]) => [name, fd]),
    );
  });
}

for (const names of ['', 'unknown', 'weft-docker.socket', 'docker:docker']) {
  test(`inheritedSockets refuses "${names}", which would be answered by nobody`, t => {
    const env = { LISTEN_PID: '7', LISTEN_FDS: `${names.split(':').length}`, LISTEN_FDNAMES: names };
    t.throws(() => inheritedSockets(env, PID), { code: 'invalid_argument', message: /no use for/ });
  });
}
