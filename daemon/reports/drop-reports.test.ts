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
  const rows = dropRows(COUNTERS, {}, nameOf);
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

test('dropRows: gossip counts messages, under names of its own', t => {
  t.like(dropRows(NO_COUNTS, { lateAck: 4 }, nameOf), [
    { network: null, reason: 'gossip_late_ack', frames: 4 },
  ]);
});

test('dropTotals: all networks together', t => {
  t.like(dropTotals(COUNTERS), { unknown_vni: 3, unknown_destination: 7 });
});
