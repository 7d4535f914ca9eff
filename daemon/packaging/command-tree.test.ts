/** What is made from the command line: manual page and completion. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { processIo } from '../cli/process-io.ts';
import { buildProgram } from '../cli/program.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { commandsOf } from './command-tree.ts';
import { bashCompletion } from './completion.ts';
import { manualPage, roff } from './manual.ts';

const program = buildProgram(processIo(() => Promise.reject(new Error('nothing is started'))));

test('the tree has every command that can be called, groups without', t => {
  const paths = commandsOf(program).map(({ path }) => path.join(' '));
  for (const path of ['daemon', 'attach', 'status', 'network create', 'gossip keys list', 'config apply'])
    t.true(paths.includes(path), path);
  for (const group of ['network', 'gossip', 'gossip keys', 'config']) t.false(paths.includes(group), group);
  t.is(new Set(paths).size, paths.length);
});

test('the manual has a section for each, and nothing in it is taken for a request', t => {
  const page = manualPage(program, { version: '9.8.7' });
  for (const { path } of commandsOf(program))
    t.true(page.includes(`.SS weft ${roff(path.join(' '))} `), path.join(' '));
  t.regex(page, /^\.TH WEFT 8 "" "weft 9\.8\.7"/);
  const requests = [...page.matchAll(/^\.(\S+)/gm)].map(([, name]) => name);
  t.deepEqual([...new Set(requests)].sort(), ['B', 'BR', 'SH', 'SS', 'TH', 'TP']);
});

for (const [text, expected] of [
  ['a-b', 'a\\-b'],
  ['.TH', '\\&.TH'],
  ["it\n'is", "it\n\\&'is"],
  ['\\n', '\\en'],
] as const) {
  test(`roff: ${JSON.stringify(text)}`, t => {
    t.is(roff(text), expected);
  });
}

const COMPLETIONS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['weft net', ['network'], ['name']],
  ['weft network cr', ['create'], ['rm']],
  ['weft gossip keys ', ['add', 'use', 'remove', 'list'], ['keys']],
  ['weft attach web --ad', ['--address'], ['--json']],
  ['weft attach --js', ['--json'], ['--address']],
  ['weft --soc', ['--socket'], []],
  ['weft no such thing', [], ['status']],
];

test('bash completes commands, and options behind arguments', async t => {
  const directory = await tempDirectory(t);
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'weft');
  writeFileSync(file, bashCompletion(program));
  for (const [line, offered, not] of COMPLETIONS) {
    const words = line.split(' ');
    const script = `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=${words.length - 1}; _weft; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script, file, ...words], { encoding: 'utf8' });
    t.is(stderr, '', line);
    const got = stdout.split('\n').filter(Boolean);
    for (const word of offered) t.true(got.includes(word), `${line}: ${word} of ${got}`);
    for (const word of not) t.false(got.includes(word), `${line}: ${word}`);
  }
});
