import test from 'ava';
import { FileTimes } from './file-times.ts';

test('the time up to a result is that of its file, and the longest come first', t => {
  const times = new FileTimes(1000);
  times.line('TAP version 13', 1500);
  times.line('ok 1 - cni › ADD gives an address', 2000);
  times.line('# claims › a log line', 2500);
  times.line('not ok 2 - claims › a claim › of two parts', 6000);
  times.line('ok 3 - cni › DEL', 6100);
  times.line('ok 4 - names › one', 6101);
  t.deepEqual(times.slowest(2), [
    { file: 'claims', ms: 4000 },
    { file: 'cni', ms: 1100 },
  ]);
});

test('results without a file name are nobody’s', t => {
  const times = new FileTimes(0);
  times.line('ok 1 - a title', 10);
  t.deepEqual(times.slowest(5), []);
});
