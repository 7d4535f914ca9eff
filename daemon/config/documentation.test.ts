import test from 'ava';
import { parse } from 'yaml';
import { exampleConfigPath } from '../package-info.ts';
import { readDoc, tableRows } from '../testing/docs.ts';
import type { Config } from './config.ts';
import { configProblems, parseConfig, readConfigText } from './load.ts';
import { KNOWN_KEYS } from './schema.ts';

const SECTIONS = Object.keys(KNOWN_KEYS).filter(place => place !== '' && !place.endsWith('[]'));

test('docs/configuration.md has a row for each key that is accepted, and for no other', async t => {
  const rows = tableRows(await readDoc('configuration.md'), '## Keys').map(([key = '']) =>
    key.replaceAll('`', ''),
  );
  const keys = Object.entries(KNOWN_KEYS).flatMap(([place, names]) =>
    names.map(name => (place === '' ? name : `${place}.${name}`)),
  );
  t.deepEqual(rows.toSorted(), keys.filter(key => !SECTIONS.includes(key)).toSorted());
});

test('docs/configuration.md tells the defaults that parseConfig fills in', async t => {
  const ipam = 'subnet: 198.18.0.0/16, ipam: {founders: [vm-a]}';
  const config = parseConfig(`networks: [{name: blue, vni: 42, ${ipam}}]`, 'weft.yaml', 'VM-A');
  let compared = 0;
  for (const [key = '', text = ''] of tableRows(await readDoc('configuration.md'), '## Keys')) {
    const [, value] = /^`(.*)`$/.exec(text) ?? [];
    const path = key.replaceAll('`', '');
    if (value === undefined || path === 'networks') continue;
    t.is(show(valueAt(config, path)), value, path);
    compared += 1;
  }
  t.true(compared >= 10);
});

test('weft.example.yaml parses, and has every key that is accepted', async t => {
  const text = await readConfigText(exampleConfigPath);
  t.deepEqual(configProblems(text, 'example', 'vm-a'), []);
  t.is(parseConfig(text, 'example', 'vm-a').networks.length, 3);
  const file = parse(text) as object;
  for (const [place, keys] of Object.entries(KNOWN_KEYS)) {
    // No network can have all of them: some are for one mode alone.
    const maps = ['0', '1', '2'].map(n => mapAt(file, place.replace('networks[]', `networks.${n}`)) ?? {});
    t.deepEqual([...new Set(maps.flatMap(Object.keys))].toSorted(), keys.toSorted(), place);
  }
});

function mapAt(file: object, place: string): object | undefined {
  const names = place === '' ? [] : place.split('.');
  return names.reduce<object | undefined>((map, name) => (map as Record<string, object>)[name], file);
}

function valueAt(config: Config, path: string): unknown {
  const names = path.startsWith('dataplane.offload.')
    ? path.replace('_', '-')
    : path.replace('networks[]', 'networks.0').replaceAll(/_(.)/g, (_, letter) => letter.toUpperCase());
  return names.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], config);
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
