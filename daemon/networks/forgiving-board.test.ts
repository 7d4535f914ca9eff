import test from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { forgivingBoard } from './forgiving-board.ts';

test('what peers would not take is told of, a defect is not hidden', t => {
  const { log, lines } = memoryLog();
  const failures: Error[] = [new WeftError('unavailable', 'too many records'), new TypeError('a defect')];
  const post = () => {
    const [failure] = failures.splice(0, 1);
    if (failure !== undefined) throw failure;
  };
  const board = forgivingBoard({ board: { post, posts: () => [] }, log });
  t.notThrows(() => board.post('key', undefined));
  t.is(lines.length, 1);
  t.throws(() => board.post('key', undefined), { message: 'a defect' });
  t.notThrows(() => board.post('key', undefined));
  t.is(lines.length, 1);
});
