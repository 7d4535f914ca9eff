import test from 'ava';
import { lossRules, packetsOf } from './impairment.ts';

const LISTING = {
  nftables: [
    { metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 } },
    { counter: { family: 'inet', name: 'lost', table: 'impairment', handle: 1, packets: 22, bytes: 1320 } },
  ],
};

test('packetsOf reads a counter, and does not take nothing for none', t => {
  t.is(packetsOf(JSON.stringify(LISTING)), 22);
  t.throws(() => packetsOf(JSON.stringify({ nftables: LISTING.nftables.slice(0, 1) })), {
    message: /lists no counter/,
  });
});

test('lossRules gives each packet one chance', t => {
  const rules = lossRules({ port: 7946, percent: 10 });
  t.is(rules.length, 3);
  t.regex(rules[1] ?? '', /th dport 7946 numgen random mod 100 < 10 counter name lost drop/);
  t.regex(rules[2] ?? '', /th sport 7946 th dport != 7946/);
});
