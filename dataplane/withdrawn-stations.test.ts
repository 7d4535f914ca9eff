import test from 'ava';
import type { MacAddress } from './address.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { UNDER_WAY_MS, WithdrawnStations } from './withdrawn-stations.ts';

const [A, B] = [0x02005e100001, 0x02005e100002] as MacAddress[] as [MacAddress, MacAddress];

function setUp() {
  const clock = new ManualClock();
  return { clock, withdrawn: new WithdrawnStations<string>({ clock }) };
}

test('a frame from where it was is late, for as long as one may be under way', t => {
  const { clock, withdrawn } = setUp();
  t.false(withdrawn.has(A, 'here'));
  withdrawn.add(A, 'here');
  t.true(withdrawn.has(A, 'here'));
  t.false(withdrawn.has(A, 'there'), 'it has moved');
  t.false(withdrawn.has(B, 'here'));
  clock.advance(UNDER_WAY_MS - 1);
  t.true(withdrawn.has(A, 'here'));
  clock.advance(1);
  t.false(withdrawn.has(A, 'here'));
});

test('taken away again, it counts from then, and others that are over are forgotten', t => {
  const { clock, withdrawn } = setUp();
  withdrawn.add(A, 'here');
  withdrawn.add(B, 'here');
  clock.advance(UNDER_WAY_MS / 2);
  withdrawn.add(A, 'there');
  clock.advance(UNDER_WAY_MS / 2);
  t.true(withdrawn.has(A, 'there'));
  t.false(withdrawn.has(B, 'here'));
});
