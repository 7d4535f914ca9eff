import test from 'ava';
import { readLog } from './daemon-log.ts';

test('readLog reads whole lines and passes over what is cut off', t => {
  const whole = '{"level":"warn","peer":"b","msg":"peer is dead"}';
  t.deepEqual(
    readLog(`"a","msg":"cut"}\n${whole}\n{"level":"in`).map(({ peer, msg }) => [peer, msg]),
    [['b', 'peer is dead']],
  );
  t.deepEqual(readLog(''), []);
});
