import test from 'ava';
import { ManualClock } from '../dataplane/testing/manual-clock.ts';
import { duration, Progress } from './progress.ts';

function make(options: { isTTY: boolean; expected: number }) {
  const clock = new ManualClock();
  const written: string[] = [];
  const output = { isTTY: options.isTTY, columns: 30, write: (text: string) => written.push(text) };
  return { clock, written, progress: new Progress({ output, clock }, { expected: options.expected }) };
}

test('on a terminal one line changes, and is never longer than the terminal is wide', t => {
  const { written, progress } = make({ isTTY: true, expected: 40 });
  progress.at('a');
  progress.at('something with a very long name');
  progress.end();
  t.deepEqual(written, ['\r\x1b[2K0 %, 40 s left: a', '\r\x1b[2K0 %, 40 s left: something wit', '\r\x1b[2K']);
});

test('elsewhere there is a line now and then, and notes at once', t => {
  const { clock, written, progress } = make({ isTTY: false, expected: 100 });
  progress.at('a');
  clock.advance(14_000);
  progress.at('b');
  progress.note('something failed');
  clock.advance(1000);
  progress.at('c');
  progress.end();
  t.deepEqual(written, ['0 %, 2 min left: a\n', 'something failed\n', '0 %, 2 min left: c\n']);
});

test('what is left is as much slower than estimated as it went so far', t => {
  const { clock, written, progress } = make({ isTTY: false, expected: 40 });
  clock.advance(20_000);
  progress.finish(10);
  progress.at('a');
  clock.advance(20_000);
  progress.finish(100);
  progress.at('b');
  t.deepEqual(written, ['25 %, 60 s left: a\n', '100 %, 0 s left: b\n']);
});

test('duration() is in seconds, and in minutes from 100 seconds on', t => {
  t.deepEqual([0.4, 99.4, 100, 2400].map(duration), ['0 s', '99 s', '2 min', '40 min']);
});
