import test from 'ava';
import { plainDaemon } from './plain-daemon.ts';

const CASES = [
  ['daemon', { configPath: undefined }],
  ['daemon --config /etc/weft/weft.yaml', { configPath: '/etc/weft/weft.yaml' }],
  // All of these are for commander: to understand, or to refuse.
  ['daemon --config', undefined],
  ['daemon --config --help', undefined],
  ['daemon --config=weft.yaml', undefined],
  ['daemon --config weft.yaml more', undefined],
  ['daemon --help', undefined],
  ['--socket x daemon', undefined],
  ['status', undefined],
  ['', undefined],
] as const;

for (const [line, expected] of CASES) {
  test(`weft ${line}: ${expected === undefined ? 'the command line decides' : 'the daemon'}`, t => {
    t.deepEqual(plainDaemon(line.split(' ').filter(Boolean)), expected);
  });
}
