import test from 'ava';
import type { Vni } from '../../dataplane/address.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { seededRandom } from '../random.ts';
import { type Epoch, epochCounter, makeEpoch } from './epoch.ts';
import { MAX_EPOCH_COUNTER } from './limits.ts';
import { OwnRecords, type OwnRecordsModules } from './own-records.ts';

const BLUE = 42 as Vni;
const LAST = ((MAX_EPOCH_COUNTER + 1) * 2 ** 32 - 1) as Epoch;

/** Lives of one node, each with what the one before has saved. They write nothing. */
function lives(saved = 0) {
  const disk = { saved };
  const random = seededRandom(1);
  const begin = (): OwnRecords =>
    new OwnRecords(
      {
        clock: new ManualClock(),
        random,
        epochs: {
          load: () => disk.saved,
          save: counter => {
            disk.saved = counter;
          },
        },
        store: {} as OwnRecordsModules['store'],
      },
      { name: 'a', recordsPerOrigin: 10, onRecord: () => {}, onWrite: () => {} },
    );
  return { begin, disk };
}

function show(own: OwnRecords, epoch: Epoch): boolean {
  return own.shown({ origin: 'a', epoch, seq: 1, gc: 0 }, BLUE);
}

function epochOf(counter: number): Epoch {
  return makeEpoch(counter, { next: () => 0.5 });
}

test('each life is later than the one before, and than one that is shown', t => {
  const { begin, disk } = lives();
  const first = begin();
  const second = begin();
  t.true(second.epoch > first.epoch);
  t.false(show(second, first.epoch), 'an earlier one changes nothing');
  t.true(show(second, epochOf(700)));
  t.is(epochCounter(second.epoch), 701);
  t.is(disk.saved, 701);
});

test('a counter that nobody can have come to is a forgery, and changes nothing', t => {
  const { begin, disk } = lives();
  const own = begin();
  const { epoch } = own;
  t.false(show(own, epochOf(MAX_EPOCH_COUNTER)));
  t.deepEqual([own.epoch, disk.saved], [epoch, 1]);
});

test('after a forgery next to the last counter a node still starts, and each life gets beyond what is shown of the one before', t => {
  const { begin, disk } = lives();
  const own = begin();
  t.true(show(own, epochOf(MAX_EPOCH_COUNTER - 1)));
  t.is(disk.saved, MAX_EPOCH_COUNTER);
  let latest = own.epoch;
  for (let start = 0; start < 1000; start++) {
    const next = begin();
    t.is(epochCounter(next.epoch), MAX_EPOCH_COUNTER);
    // Peers hold the later of the two, and show it.
    if (next.epoch < latest) t.true(show(next, latest));
    t.true(next.epoch > latest);
    latest = next.epoch;
  }
  t.true(latest < LAST);
});

test('nothing is later than the last epoch there is', t => {
  const own = lives(MAX_EPOCH_COUNTER).begin();
  const { epoch } = own;
  t.false(show(own, LAST));
  t.is(own.epoch, epoch);
});
