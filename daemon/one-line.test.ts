import test from 'ava';
import { oneLine } from './one-line.ts';

test('oneLine replaces what could start a line or an escape sequence', t => {
  t.is(oneLine('a\r\nb\tc\x1b[2J\x9bd\u2028e\x00f\x7f'), 'a b c [2J d e f ');
  t.is(oneLine('vm-ä 10 €'), 'vm-ä 10 €');
});
