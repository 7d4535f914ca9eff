import test from 'ava';
import { parseVni } from '../../dataplane/address.ts';
import type { DataplaneCounters } from '../../dataplane/commands.ts';
import { NO_COUNTS } from '../testing/fake-dataplane.ts';
import { dropRows, dropTotals } from './drop-reports.ts';

const BLUE = parseVni(42);
const nameOf = (vni: number | null) => (vni === BLUE ? 'blue' : null);

const COUNTERS: DataplaneCounters = {
  ...NO_COUNTS,
  drops: [
    { vni: null, reasons: { unknown_vni: 3 } },
    { vni: BLUE, reasons: { unknown_destination: 2, bum_rate: 0 } },
    { vni: parseVni(7), reasons: { unknown_destination: 5 } },
  ],
};

test('dropRows: a row for each network and reason that has occurred', t => {
  const rows = dropRows(COUNTERS, { gossip: {}, records: {}, dns: {} }, nameOf);
  t.deepEqual(
    rows.map(({ network, reason, frames }) => [network, reason, frames]),
    [
      [null, 'unknown_vni', 3],
      ['blue', 'unknown_destination', 2],
      [null, 'unknown_destination', 5],
    ],
  );
  t.is(rows[0]?.meaning, 'the VNI is no network of this node');
});

test('dropRows: gossip, records and names count messages, under names of their own', t => {
  const rows = dropRows(
    NO_COUNTS,
    { gossip: { lateAck: 4 }, records: { badHello: 1 }, dns: { busy: 5 } },
    nameOf,
  );
  t.like(rows, [
    { network: null, reason: 'gossip_late_ack', frames: 4 },
    { network: null, reason: 'records_bad_hello', frames: 1 },
    { network: null, reason: 'dns_busy', frames: 5 },
  ]);
  t.is(rows[1]?.meaning, 'a link that did not begin with a proper hello');
});

test('dropTotals: all networks together', t => {
  t.like(dropTotals(COUNTERS), { unknown_vni: 3, unknown_destination: 7 });
});
