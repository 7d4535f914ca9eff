import test from 'ava';
import { parseIp } from '../../dataplane/address.ts';
import type { ClaimState } from '../../dataplane/claims.ts';
import type { InstalledClaim, TableEntry } from '../../dataplane/commands.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { BLUE, claimView, type FakeClaim, MAC } from '../testing/claims.ts';
import { explainNetwork, type MacFacts } from './explain-report.ts';

function facts(claims: readonly FakeClaim[], changes: Partial<MacFacts> = {}): MacFacts {
  const clock = new ManualClock();
  const view = claimView(claims, { clock });
  clock.advance(5000);
  return {
    self: 'vm-a',
    network: { name: 'blue', vni: BLUE, unknownUnicast: 'auto' },
    entry: undefined,
    explanation: view.explain(BLUE, MAC),
    installed: undefined,
    endpoint: undefined,
    now: clock.now(),
    ...changes,
  };
}

const entry = (vtep: string): TableEntry => ({
  vni: BLUE,
  mac: MAC,
  origin: 'gossip',
  port: null,
  vtep: parseIp(vtep),
  ageMs: 4940,
});

const installed = (vtep: string, state: ClaimState): InstalledClaim => ({
  vni: BLUE,
  mac: MAC,
  vtep: parseIp(vtep),
  addresses: [],
  mobility: 0,
  state,
});

const B = { origin: 'vm-b', vtep: '192.0.2.2' };
const C = { origin: 'vm-c', vtep: '192.0.2.3' };

test('explainNetwork: a network that knows nothing of the address has nothing to say', t => {
  t.is(explainNetwork(facts([])), undefined);
});

test('explainNetwork: each of entry, claim, command and record is something', t => {
  const endpoint = { ifname: 'eth0', netns: { name: 'web', path: '', inode: 1 } } as MacFacts['endpoint'];
  const some: readonly MacFacts[] = [
    facts([], { entry: entry('192.0.2.2') }),
    facts([], { installed: installed('192.0.2.2', 'vtep_unknown') }),
    facts([], { endpoint }),
    facts([B]),
  ];
  for (const known of some) t.not(explainNetwork(known), undefined);
});

test('explainNetwork: the entry, and each claim with its verdict', t => {
  const claims = [
    { ...B, mobility: 1, ips: ['198.18.0.3'] },
    { ...C, mobility: 2, sticky: true },
  ];
  const report = explainNetwork(
    facts(claims, { entry: entry('192.0.2.3'), installed: installed('192.0.2.3', 'used') }),
  );
  t.like(report, {
    network: 'blue',
    vni: 42,
    entry: { where: 'remote', vtep: '192.0.2.3', origin: 'gossip', age_s: 4.9 },
    contested_moves: 1,
  });
  t.deepEqual(report?.claims, [
    {
      owner: 'vm-c',
      vtep: '192.0.2.3',
      addresses: [],
      mobility: 2,
      sticky: true,
      frozen: false,
      standing: 'winner',
      rule: 'sticky',
      why: 'it is sticky, so it must not move, and stands before claims that are not',
      since_s: 5,
      dataplane: 'used',
    },
    {
      owner: 'vm-b',
      vtep: '192.0.2.2',
      addresses: ['198.18.0.3'],
      mobility: 1,
      sticky: false,
      frozen: false,
      standing: 'outranked',
      rule: 'sticky',
      why: 'the claim of vm-c is sticky, so it must not move',
      since_s: 5,
      dataplane: null,
    },
  ]);
  t.regex(report?.conclusion ?? '', /^Frames to it go to vm-c at VTEP 192\.0\.2\.3, /);
});

const told: [string, readonly FakeClaim[], InstalledClaim | undefined, Readonly<Record<string, unknown>>][] =
  [
    ['nothing', [B], undefined, { 'vm-b': null }],
    ['of the winner', [B, C], installed('192.0.2.2', 'missing'), { 'vm-b': 'missing', 'vm-c': null }],
    ['of the former winner', [B, C], installed('192.0.2.3', 'used'), { 'vm-b': null, 'vm-c': 'used' }],
    [
      'of one of two that have the same VTEP',
      [B, { ...C, vtep: B.vtep }],
      installed('192.0.2.2', 'vtep_unknown'),
      { 'vm-b': 'vtep_unknown', 'vm-c': null },
    ],
    ['of one that nobody claims', [B], installed('192.0.2.9', 'used'), { 'vm-b': null }],
    ['while its node has no VTEP', [{ ...B, vtep: null }], undefined, { 'vm-b': null }],
  ];

for (const [what, claims, command, expected] of told) {
  test(`explainNetwork: the dataplane was told ${what}`, t => {
    const report = explainNetwork(facts(claims, { installed: command }));
    t.deepEqual(
      Object.fromEntries(report?.claims.map(claim => [claim.owner, claim.dataplane]) ?? []),
      expected,
    );
  });
}

test('explainNetwork: the winner first, then those that count, then the others', t => {
  const claims = [
    { origin: 'vm-g', vtep: '192.0.2.7', isDeleted: true, mobility: 9 },
    { origin: 'vm-f', vtep: '192.0.2.6', isHidden: true, mobility: 8 },
    { origin: 'vm-e', vtep: null, mobility: 7 },
    { ...B, mobility: 1 },
    { ...C, mobility: 2 },
    { origin: 'vm-d', vtep: '192.0.2.4', mobility: 3 },
  ];
  t.deepEqual(
    explainNetwork(facts(claims))?.claims.map(({ owner, standing, vtep }) => [owner, standing, vtep]),
    [
      ['vm-d', 'winner', '192.0.2.4'],
      ['vm-c', 'outranked', '192.0.2.3'],
      ['vm-b', 'outranked', '192.0.2.2'],
      ['vm-e', 'parked', null],
      ['vm-f', 'hidden', '192.0.2.6'],
      ['vm-g', 'deleted', '192.0.2.7'],
    ],
  );
});
