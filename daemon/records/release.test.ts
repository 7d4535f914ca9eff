import test, { type ExecutionContext } from 'ava';
import type { RecordLog } from '../../control/records/record-log.ts';
import { RecordCluster, stationOf } from '../../control/testing/record-cluster.ts';
import { formatMac } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { BLUE, claimView, type FakeClaim, MAC } from '../testing/claims.ts';
import { releaseAddress } from './release.ts';

const OURS = { origin: 'vm-a', vtep: '192.0.2.1' };
const B = { origin: 'vm-b', vtep: '192.0.2.2' };

/** What `weft release` comes to on vm-a, and whether the record log was asked. */
function attempt(claims: readonly FakeClaim[]) {
  const view = claimView(claims);
  let asked = 0;
  const records = {
    explain: view.explain.bind(view),
    release: () => {
      asked += 1;
      return true;
    },
  };
  const run = () => releaseAddress({ records, self: 'vm-a' }, { network: 'blue', vni: BLUE, mac: MAC });
  return { run, asked: () => asked };
}

const cases: [string, readonly FakeClaim[], boolean][] = [
  ['an address of which nothing is known', [], false],
  ['an address that is not frozen', [OURS, B], false],
  ['one that is frozen here', [{ ...OURS, frozen: true }, B], true],
  [
    'one that both hold, and the other with more right',
    [
      { ...OURS, frozen: true },
      { ...B, frozen: true, mobility: 9 },
    ],
    true,
  ],
  ['one that a dead node held', [OURS, { ...B, frozen: true, isHidden: true }], false],
];

for (const [what, claims, expected] of cases) {
  test(`releaseAddress: ${what} is ${expected ? 'released' : 'no matter'}`, t => {
    const { run, asked } = attempt(claims);
    t.is(run(), expected);
    t.is(asked(), expected ? 1 : 0);
  });
}

test('releaseAddress names the node that holds the address', t => {
  const { run, asked } = attempt([OURS, { ...B, frozen: true }]);
  const error = t.throws(run, { instanceOf: WeftError, code: 'conflict' });
  t.is(
    error?.line,
    '02:00:5e:10:00:03 is frozen by vm-b, not by this node; run there: weft release 02:00:5e:10:00:03 --network blue',
  );
  t.is(asked(), 0);
});

/** Two containers with one address on n1 and n2, until it is frozen; n3 looks on. */
function frozenAddress(t: ExecutionContext) {
  const { mac, ip } = stationOf(1);
  const cluster = new RecordCluster({ seed: 1 });
  cluster.addNodes(3);
  for (const node of cluster.nodes) {
    node.join(BLUE);
    node.start();
  }
  t.not(
    cluster.runUntil(() => cluster.disagreements().length === 0, 20_000),
    undefined,
  );
  const [a, b, c] = cluster.nodes;
  a?.attach(BLUE, mac, [ip]);
  cluster.run(30);
  b?.attach(BLUE, mac, [ip]);
  for (let turn = 0; turn < 8; turn++) {
    cluster.run(30);
    (turn % 2 === 0 ? a : b)?.log?.assert(BLUE, mac);
  }
  cluster.run(30);
  const logOf = (name: string | undefined): RecordLog => {
    const log = cluster.nodes.find(node => node.name === name)?.log;
    if (log === undefined) throw new Error(`no log of ${name}`);
    return log;
  };
  const holder = c?.log?.owner(BLUE, mac)?.origin;
  const releaseOn = (name: string) =>
    releaseAddress({ records: logOf(name), self: name }, { network: 'blue', vni: BLUE, mac });
  return { cluster, mac, holder: holder ?? '', logOf, releaseOn };
}

test('an address that the record log has frozen: refused elsewhere, released where it is held, once', t => {
  const { cluster, mac, holder, logOf, releaseOn } = frozenAddress(t);
  const loser = holder === 'n1' ? 'n2' : 'n1';
  for (const name of [loser, 'n3']) {
    const error = t.throws(() => releaseOn(name), { instanceOf: WeftError, code: 'conflict' });
    t.is(error?.message, `${formatMac(mac)} is frozen by ${holder}, not by this node`);
  }
  t.true(releaseOn(holder));
  cluster.run(30);
  t.is(logOf('n3').owner(BLUE, mac)?.frozen, false);
  for (const name of ['n1', 'n2', 'n3']) t.false(releaseOn(name), name);
});
