import test from 'ava';
import { parseOptions } from './options.ts';

test('without arguments everything is measured, and peers are those that are installed', t => {
  t.deepEqual(parseOptions([]), {
    help: false,
    wishes: {
      quick: false,
      underlays: undefined,
      only: undefined,
      measures: undefined,
      rounds: undefined,
      seconds: undefined,
    },
    peers: 'installed',
    variants: [],
    jsonFile: undefined,
    write: false,
  });
});

test('lists are separated by commas, names may have spaces', t => {
  const { wishes } = parseOptions([
    '--only',
    'kernel vxlan,weft tap',
    '--measures',
    'tcp-1',
    '--rounds',
    '7',
  ]);
  t.deepEqual(wishes.only, ['kernel vxlan', 'weft tap']);
  t.deepEqual(wishes.measures, ['tcp-1']);
  t.is(wishes.rounds, 7);
});

test('a variant is a name and top-level keys of the configuration', t => {
  const gso = 'gso={"dataplane":{"sender":"udp-gso"}}';
  t.deepEqual(parseOptions(['--variant', gso, '--variant', 'log={"log":{"level":"warn"}}']).variants, [
    { name: 'gso', override: { dataplane: { sender: 'udp-gso' } } },
    { name: 'log', override: { log: { level: 'warn' } } },
  ]);
});

for (const args of [
  ['--rounds', '0'],
  ['--rounds', '1.5'],
  ['--seconds', 'long'],
  ['--peers', 'some'],
  ['--variant', 'gso'],
  ['--variant', 'gso={'],
  ['--variant', 'gso=[1]'],
  ['--variant', '={}'],
  ['--nonsense'],
  ['stray'],
]) {
  test(`${args.join(' ')} is refused in one line`, t => {
    const error = t.throws(() => parseOptions(args), { code: 'invalid_argument' });
    t.false(error?.message.includes('\n'));
  });
}
