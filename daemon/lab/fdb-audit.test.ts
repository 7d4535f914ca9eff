import test from 'ava';
import type { FdbReport } from '../operations.ts';
import { auditFdb } from './fdb-audit.ts';

const [A, B, C] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'] as const;
const MAC = '02:00:5e:10:00:07';

function entry(vtep: string | null, origin: FdbReport['origin']): FdbReport {
  return {
    network: 'blue',
    vni: 42,
    mac: MAC,
    where: vtep === null ? 'local' : 'remote',
    vtep,
    origin,
    age_s: 1,
  };
}

for (const [title, fdb, place, wrong] of [
  ['a claim that leads to the place', entry(B, 'gossip'), B, undefined],
  ['an attachment here', entry(null, 'attached'), A, undefined],
  ['no entry', undefined, B, `missing ${MAC}, at ${B}`],
  ['no entry for what is here', undefined, A, `missing ${MAC}, at ${A}`],
  ['a claim of the old place', entry(B, 'gossip'), C, `stale ${MAC}: at ${C}, not ${B}`],
  ['a claim for what is here', entry(B, 'gossip'), A, `stale ${MAC}: at ${A}, not ${B}`],
  ['an attachment that is gone', entry(null, 'attached'), B, `stale ${MAC}: at ${B}, not ${A}`],
  ['an entry that only frames have taught', entry(B, 'learned'), B, `learned ${MAC}, at ${B}`],
  ['an entry for nobody', entry(B, 'gossip'), undefined, `stale ${MAC}: not at ${B}`],
  ['an attachment of nobody', entry(null, 'attached'), undefined, `stale ${MAC}: not at ${A}`],
] as const) {
  test(`auditFdb: ${title}`, t => {
    const truth = new Map(place === undefined ? [] : [[MAC, place]]);
    const expected = wrong === undefined ? [] : [wrong];
    t.deepEqual(auditFdb(A, fdb === undefined ? [] : [fdb], truth), expected);
  });
}
