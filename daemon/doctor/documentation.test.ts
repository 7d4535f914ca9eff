import test from 'ava';
import { readDoc, tableRows } from '../testing/docs.ts';
import { VERDICTS } from './verdicts.ts';

test('docs/troubleshooting.md lists each verdict, how bad it is and who may mend it', async t => {
  const rows = tableRows(await readDoc('troubleshooting.md'), '## What weft doctor says');
  const listed = rows.map(([id = '', severity, fix]) => [id.replaceAll('`', ''), { severity, fix }]);
  t.deepEqual(Object.fromEntries(listed), VERDICTS);
  t.is(rows.length, Object.keys(VERDICTS).length, 'each once');
  for (const [id, , , means = '', mend = ''] of rows) {
    t.true(means.length > 0 && mend.length > 0, id);
  }
});
