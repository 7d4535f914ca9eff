import test from 'ava';
import { runCommand } from './run-command.ts';
import { systemPath } from './system-path.ts';

test('programs of npm packages are not in the way of those of the system', async t => {
  t.is(systemPath('/x/node_modules/.bin:/usr/sbin:/y/node_modules/.bin/:/usr/bin'), '/usr/sbin:/usr/bin');
  const { stdout } = await runCommand('sh', ['-c', 'command -v nft']);
  t.notRegex(stdout, /node_modules/);
});
