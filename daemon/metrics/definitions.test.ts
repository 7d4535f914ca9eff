import test from 'ava';
import { readDoc, tableRows } from '../testing/docs.ts';
import { definitionOf, METRIC_NAMES } from './definitions.ts';

test('docs/metrics.md has a row for each metric, as it is defined', async t => {
  const docs = await readDoc('metrics.md');
  const rows = [
    '## Process',
    '## Dataplane',
    '## Gossip and claims',
    '## Networks and containers',
    '## Names',
  ].flatMap(heading => tableRows(docs, heading));
  t.deepEqual(
    rows,
    METRIC_NAMES.map(name => {
      const { type, unit, labels, help } = definitionOf(name);
      return [`\`${name}\``, type, unit ?? '', labels.map(label => `\`${label}\``).join(', '), help];
    }),
  );
});

test('names: base units as a suffix, _total for counters alone, a prefix; help is one sentence', t => {
  for (const name of METRIC_NAMES) {
    const { type, unit, labels, help } = definitionOf(name);
    t.regex(name, /^(weft|process)_[a-z0-9_]+$/);
    t.is(name.endsWith('_total'), type === 'counter', name);
    const stem = name.replace(/_total$/, '');
    t.is(/_(seconds|bytes)$/.exec(stem)?.[1], unit, name);
    t.regex(help, /^[A-Z1].*[^.]$/, name);
    t.false(help.includes('|'), name);
    t.false(
      labels.some(label => ['mac', 'container', 'netns', 'ip', 'le'].includes(label)),
      name,
    );
  }
});
