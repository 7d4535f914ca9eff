import test from 'ava';
import type { Vni } from '../../dataplane/address.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import type { Epoch } from './epoch.ts';
import { Inquiries } from './inquiries.ts';
import { INQUIRY_PATIENCE, SCOPE_MAX_ORIGINS } from './limits.ts';

const BLUE = 42 as Vni;
const RED = 43 as Vni;
const GOAL = { origin: 'vm-a', epoch: 7 as Epoch, seq: 20, gc: 3 };

for (const [what, vni, goal, isAsked] of [
  ['the same', BLUE, GOAL, false],
  ['less of it', BLUE, { ...GOAL, seq: 19 }, false],
  ['more of it', BLUE, { ...GOAL, seq: 21 }, true],
  ['what was collected since', BLUE, { ...GOAL, gc: 4 }, true],
  ['another life', BLUE, { ...GOAL, epoch: 8 as Epoch }, true],
  ['another origin', BLUE, { ...GOAL, origin: 'vm-b' }, true],
  ['another network', RED, GOAL, true],
] as const) {
  test(`while a log is asked for, ${what} is ${isAsked ? '' : 'not '}asked for`, t => {
    const inquiries = new Inquiries({ clock: new ManualClock() });
    t.true(inquiries.begin(BLUE, GOAL));
    t.is(inquiries.begin(vni, goal), isAsked);
  });
}

test('what has not come in time is asked of somebody else', t => {
  const clock = new ManualClock();
  const inquiries = new Inquiries({ clock });
  inquiries.begin(BLUE, GOAL);
  clock.advance(INQUIRY_PATIENCE - 1);
  inquiries.tidy();
  t.false(inquiries.begin(BLUE, GOAL));
  clock.advance(1);
  t.true(inquiries.begin(BLUE, GOAL));
  clock.advance(INQUIRY_PATIENCE);
  inquiries.tidy();
  t.true(inquiries.begin(BLUE, GOAL));
});

test('of more origins than there can be members is asked, and none is remembered', t => {
  const inquiries = new Inquiries({ clock: new ManualClock() });
  for (let n = 0; n < SCOPE_MAX_ORIGINS; n++) inquiries.begin(BLUE, { ...GOAL, origin: `vm-${n}` });
  for (let times = 0; times < 2; times++) t.true(inquiries.begin(BLUE, { ...GOAL, origin: 'another' }));
  t.false(inquiries.begin(BLUE, { ...GOAL, origin: 'vm-1' }));
});
