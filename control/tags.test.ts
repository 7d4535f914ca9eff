import test from 'ava';
import { parseIp, parseVni } from '../dataplane/address.ts';
import { decodeTags, encodeTags, formatVnis, parseVnis, parseWeftTags, weftTags } from './tags.ts';

const vnis = (...values: number[]) => values.map(parseVni);

test('encodeTags writes serf tags, sorted, and decodeTags reads them', t => {
  const meta = encodeTags(new Map([['role', 'db']]));
  t.is(Buffer.from(meta).toString('hex'), 'ff81a4726f6c65a26462');
  t.deepEqual([...decodeTags(meta)], [['role', 'db']]);
  t.deepEqual(
    encodeTags(
      new Map([
        ['a', '1'],
        ['b', '2'],
      ]),
    ),
    encodeTags(
      new Map([
        ['b', '2'],
        ['a', '1'],
      ]),
    ),
  );
});

test('encodeTags refuses more than 512 bytes and says what to do', t => {
  t.is(encodeTags(new Map([['k', 'x'.repeat(505)]])).length, 512);
  const error = t.throws(() => encodeTags(new Map([['k', 'x'.repeat(506)]])), { code: 'invalid_argument' });
  t.regex((error as { hint?: string }).hint ?? '', /fewer networks/);
});

test('decodeTags refuses metadata of another form', t => {
  t.is(decodeTags(new Uint8Array(0)).size, 0);
  for (const meta of ['6462', 'ff', 'ff81', 'ff81a161', 'ff81a16105', 'ffdfffffffff', 'ff01']) {
    t.throws(() => decodeTags(Buffer.from(meta, 'hex')), { code: 'malformed' }, meta);
  }
});

test('formatVnis lists runs as ranges and parseVnis reads them', t => {
  const lists: readonly [number[], string][] = [
    [[], ''],
    [[42], '42'],
    [[1, 2], '1,2'],
    [[1, 2, 3], '1-3'],
    [[60, 42, 50, 51, 52, 42, 16_777_215], '42,50-52,60,16777215'],
  ];
  for (const [values, text] of lists) {
    t.is(formatVnis(vnis(...values)), text);
    t.deepEqual(
      parseVnis(text),
      vnis(...new Set(values)).sort((a, b) => a - b),
    );
  }
});

test('parseVnis refuses what is no list of VNIs, or names too many', t => {
  for (const text of [
    '0',
    'a',
    '1-',
    '5-4',
    '16777216',
    '1,,2',
    '1 ,2',
    '1-16777215',
    '1-4097',
    '1-4096,9000',
  ]) {
    t.throws(() => parseVnis(text), { code: 'malformed' }, text);
  }
  t.is(parseVnis('1-4096').length, 4096);
});

test('weftTags and parseWeftTags are inverse, and 80 scattered VNIs fit', t => {
  const many = Array.from({ length: 80 }, (_, index) => parseVni(1000 + 7 * index));
  for (const tags of [
    { vtep: parseIp('192.0.2.1'), port: 4789, vnis: vnis(42, 50, 51, 52) },
    { vtep: parseIp('2001:db8::1'), port: 4789, vnis: many },
    { vtep: parseIp('192.0.2.1'), port: 1, vnis: [] },
  ]) {
    t.deepEqual(parseWeftTags(decodeTags(encodeTags(weftTags(tags)))), tags);
  }
});

test('parseWeftTags tells other nodes from broken ones', t => {
  t.is(parseWeftTags(new Map([['role', 'db']])), undefined);
  const good = weftTags({ vtep: parseIp('192.0.2.1'), port: 4789, vnis: [] });
  for (const [key, value] of [
    ['vtep', '192.0.2'],
    ['port', '0'],
    ['port', '65536'],
    ['port', '1e3'],
    ['vnis', '-1'],
  ] as const) {
    t.throws(() => parseWeftTags(new Map([...good, [key, value]])), { code: 'malformed' }, `${key}=${value}`);
  }
});
