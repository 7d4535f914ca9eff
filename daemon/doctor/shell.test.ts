import { execFileSync } from 'node:child_process';
import test from 'ava';
import { sh, word } from './shell.ts';

test('a word is one word for the shell, whatever is in it', t => {
  for (const text of ['eth0', "it's", 'a b', '$(id)', '*', '', 'a;b', '"', '\\', '-n', 'a\nb']) {
    t.is(execFileSync('sh', ['-c', `printf %s\\\\n ${word(text)}`]).toString(), `${text}\n`, text);
  }
  t.is(sh`ip link set dev ${'eth0'} mtu ${1500}`, 'ip link set dev eth0 mtu 1500');
});
