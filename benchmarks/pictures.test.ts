import test from 'ava';
import { pictures } from './pictures.ts';
import { SAMPLE_RUN } from './testing/sample-run.ts';

test('pictures() draws what was measured, and nothing else', t => {
  t.deepEqual([...pictures(SAMPLE_RUN).keys()], ['wire-like-rates.svg', '1gbit-rates.svg', 'others.svg']);
});

test('a chart of an underlay has the targets, and other overlays in a chart of their own', t => {
  const files = pictures(SAMPLE_RUN);
  const rates = files.get('wire-like-rates.svg') ?? '';
  t.true(rates.includes('wire-like: what is carried'));
  t.true(rates.includes('✗ target ≥ 1.1'));
  t.false(rates.includes('tinc'));
  t.true(files.get('1gbit-rates.svg')?.includes('✓ target ≥ 0.96'));
  const others = files.get('others.svg') ?? '';
  t.true(others.includes('tinc') && others.includes('weft bridge'));
  t.false(others.includes('target'));
});
