import test from 'ava';
import fc from 'fast-check';
import type { IpAddress } from '../../dataplane/address.ts';
import { MemberTable } from '../member-table.ts';
import type { Member } from '../members.ts';
import { seededRandom } from '../random.ts';
import { SharedMembers, SharedSlots } from './shared-slots.ts';

const EMPTY = new Uint8Array(0);

function member(name: number, host: number, state: Member['state'] = 'alive'): Member {
  return {
    name: `n${name}`,
    address: `10.0.0.${host}` as IpAddress,
    port: 7946,
    incarnation: 1,
    state,
    since: 0,
    meta: EMPTY,
    version: EMPTY,
  };
}

const names = fc.integer({ min: 1, max: 12 });
const change = fc.oneof(
  fc.record({
    type: fc.constant('set' as const),
    name: names,
    host: names,
    state: fc.constantFrom('alive' as const, 'suspect' as const, 'dead' as const, 'left' as const),
  }),
  fc.record({ type: fc.constantFrom('delete' as const, 'seen' as const, 'probed' as const), name: names }),
);

/** All that a table tells. */
function told(table: MemberTable): unknown {
  const ofNames = Array.from({ length: 14 }, (_, name) => {
    const key = `n${name}`;
    const at = table.at({ address: `10.0.0.${name}` as IpAddress, port: 7946 });
    return [table.get(key), table.lastSeen(key), table.contact(key), at];
  });
  const sample = table.sample(seededRandom(1), 3, ({ state }) => state === 'alive');
  return [[...table.all()], table.size, table.upCount, ofNames, sample];
}

test('a table of shared members tells what one of its own would, through all changes, and changes no other', t => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), changes => {
      const initial = Array.from({ length: 8 }, (_, index) => member(index + 1, index + 1));
      const members = new SharedMembers(initial);
      const shared = new MemberTable(new SharedSlots(members));
      const own = new MemberTable();
      for (const one of initial) own.set(one);
      const untouched = told(own);
      for (const [now, one] of changes.entries()) {
        for (const table of [own, shared]) {
          const name = `n${one.name}`;
          if (one.type === 'set') table.set(member(one.name, one.host, one.state));
          else if (one.type === 'delete') table.delete(name);
          else if (one.type === 'seen') table.seen(name, now);
          else table.probed(name, before => ({ ...before, lastTwoWay: now }));
        }
        t.deepEqual(told(shared), told(own));
      }
      t.deepEqual(told(new MemberTable(new SharedSlots(members))), untouched);
    }),
    { numRuns: 300 },
  );
});
