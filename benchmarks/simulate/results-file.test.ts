import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ResultsFile } from './results-file.ts';
import type { Outcome } from './trials.ts';

const OUTCOME: Outcome = { kind: 'deaths', seed: 4, nodes: 50, problems: ['late'], took: 9, log: [] };

function emptyPath(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-results-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return join(folder, 'results.jsonl');
}

test('what was added is found by whoever reads the file next', t => {
  const path = emptyPath(t);
  const first = new ResultsFile(path);
  t.is(first.find(OUTCOME), undefined);
  first.add(OUTCOME);
  const second = new ResultsFile(path);
  t.deepEqual(second.find(OUTCOME), OUTCOME);
  for (const other of [{ seed: 5 }, { nodes: 51 }, { kind: 'storms' }] as const)
    t.is(second.find({ ...OUTCOME, ...other }), undefined);
});

for (const text of ['hello\n', '{"seed":4}\n', 'null\n', '{"kind":"deaths","seed":4,"nodes":50,"prob']) {
  test(`a file with ${JSON.stringify(text)} is refused, and left as it is`, t => {
    const path = emptyPath(t);
    writeFileSync(path, text);
    t.throws(() => new ResultsFile(path), { name: 'WeftError', message: /no file of results/ });
    t.is(readFileSync(path, 'utf8'), text);
  });
}

test('a folder that is not there is told before anything is lived', t => {
  t.throws(() => new ResultsFile(join(emptyPath(t), 'x')), { name: 'WeftError', message: /ENOENT/ });
});
