import test from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { NO_PROGRAMS, setSearchPath } from '../testing/search-path.ts';
import { run } from './run.ts';

test.serial('run() tells the code and both outputs', async t => {
  const outcome = await run(['sh', '-c', 'cat; echo no >&2; exit 3'], undefined, 'input');
  t.deepEqual(outcome, { code: 3, stdout: 'input\n', stderr: 'no\n' });
});

for (const [program, name] of [
  ['tc', 'iproute2'],
  ['ip', 'iproute2'],
  ['setpriv', 'util-linux'],
] as const) {
  test.serial(`run() names the package of ${program} where it is not installed`, async t => {
    setSearchPath(t, NO_PROGRAMS);
    const error = await t.throwsAsync(run([program], undefined, ''), { instanceOf: WeftError });
    t.is(error?.code, 'unavailable');
    t.is(error?.hint, `install the package ${name}`);
  });
}

test.serial('run() needs nsenter for another namespace', async t => {
  setSearchPath(t, NO_PROGRAMS);
  const error = await t.throwsAsync(run(['ip'], '/proc/self/ns/net', ''), { instanceOf: WeftError });
  t.is(error?.hint, 'install the package util-linux');
});
