import test from 'ava';
import { BoundedText } from './bounded-text.ts';

test('BoundedText keeps everything within its limit', t => {
  const text = new BoundedText(10);
  text.append('one');
  text.append(' two');
  t.is(text.toString(), 'one two');
});

test('BoundedText keeps the end and says how much is gone', t => {
  const text = new BoundedText(4);
  for (const part of ['abc', 'def', 'ghi']) text.append(part);
  t.is(text.toString(), '[5 characters before this are not kept]\nfghi');
});
