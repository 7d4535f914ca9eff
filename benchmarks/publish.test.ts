import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { tempDirectory } from '../daemon/testing/temp-directory.ts';
import { publish, renewReport } from './publish.ts';
import { SAMPLE_RUN } from './testing/sample-run.ts';

test('publish() takes away what does not belong to the run, and leaves the curves', async t => {
  const docs = pathToFileURL(`${await tempDirectory(t)}/benchmarks/`);
  renewReport(docs);
  t.false(existsSync(docs));
  publish(SAMPLE_RUN, docs);
  const report = () => readFileSync(new URL('README.md', docs), 'utf8');
  const first = report();
  for (const name of ['old-rates.svg', 'scale-peers.svg', 'README.md'])
    writeFileSync(new URL(name, docs), 'x');
  renewReport(docs);
  t.is(report(), first);
  publish(SAMPLE_RUN, docs);
  t.false(existsSync(new URL('old-rates.svg', docs)));
  t.true(existsSync(new URL('scale-peers.svg', docs)));
  t.is(report(), first);
});
