import test from 'ava';
import { Launcher } from './launcher.ts';

test('a launcher runs one program after the other, and keeps both outputs apart', async t => {
  const launcher = new Launcher();
  const script = 'cat; printf "%s|" "$@"; echo oops >&2; exit 7';
  const words = ["it's", '$HOME `id` "x"', 'two\nlines', ''];
  for (let round = 0; round < 3; round++) {
    t.true(launcher.isIdle);
    const ending = await launcher.run(['sh', '-c', script, 'sh', ...words], 'one\n$HOME `id`');
    t.deepEqual(ending, { code: 7, stdout: `one\n$HOME \`id\`\n${words.join('|')}|`, stderr: 'oops\n' });
  }
  t.deepEqual(await launcher.run(['cat'], ''), { code: 0, stdout: '', stderr: '' });
});

test('a launcher carries large texts both ways', async t => {
  const text = 'a line of some length, to fill pipes with\n'.repeat(20_000);
  t.is((await new Launcher().run(['cat'], text)).stdout, text);
});

test('a launcher is busy while a program runs', async t => {
  const launcher = new Launcher();
  const running = launcher.run(['cat'], 'x');
  t.false(launcher.isIdle);
  t.throws(() => launcher.run(['cat'], ''), { message: /in use/ });
  await running;
  t.true(launcher.isIdle);
});

test('a shell that is killed says so, and is not used again', async t => {
  const launcher = new Launcher();
  const { code, stdout } = await launcher.run(['sh', '-c', 'echo begun; kill -9 $PPID'], '');
  t.deepEqual([code, stdout], [null, 'begun\n']);
  t.true(launcher.hasEnded);
  t.false(launcher.isIdle);
});
