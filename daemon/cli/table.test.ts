import test from 'ava';
import { formatTable } from './table.ts';

test('formatTable aligns columns with two spaces, without borders or trailing space', t => {
  const text = formatTable(
    ['NAME', 'VNI', 'VTEP'],
    [
      ['blue', 42, null],
      ['a-long-name', 16_777_215, '192.0.2.1'],
      ['', 1, '-'],
    ],
  );
  t.is(
    text,
    [
      'NAME         VNI       VTEP',
      'blue         42        -',
      'a-long-name  16777215  192.0.2.1',
      '-            1         -',
    ].join('\n'),
  );
});

test('formatTable without rows is the head alone', t => {
  t.is(formatTable(['NAME', 'VNI'], []), 'NAME  VNI');
});

test('formatTable lets no name of another node act on the terminal', t => {
  t.is(formatTable(['NAME'], [['\x1b[2Jvm\nx']]), 'NAME\n [2Jvm x');
});
