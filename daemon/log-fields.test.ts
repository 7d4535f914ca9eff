import test from 'ava';
import { LOG_FIELDS, LOG_LEVEL_MEANINGS } from './log-fields.ts';
import { readDoc, tableRows } from './testing/docs.ts';

test('docs/logging.md shows every field and level, with the meaning the dictionary gives', async t => {
  const docs = await readDoc('logging.md');
  const rows = (dictionary: object) =>
    Object.entries(dictionary).map(([name, text]) => [`\`${name}\``, text]);
  t.deepEqual(tableRows(docs, '## Fields'), rows(LOG_FIELDS));
  t.deepEqual(tableRows(docs, '## Levels'), rows(LOG_LEVEL_MEANINGS));
});
