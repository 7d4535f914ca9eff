import { constants } from 'node:os';
import test from 'ava';
import { FAKE_OPENING } from '../../testing/fake-doctor.ts';
import { checkPath } from './path-checks.ts';
import type { PathFacts, PathOpening } from './path-facts.ts';

type Vxlan = NonNullable<PathFacts['vxlan']>;

const OPENING: PathOpening = { ...FAKE_OPENING, clock_ms: 12 };
const PASSED = { sent: 3, arrived: 3, answered: 3 };
const LOST = { sent: 3, arrived: 0, answered: 0 };
const VXLAN: Vxlan = {
  small: PASSED,
  raw: PASSED,
  largest: { there: 1500, back: 1500 },
  refused: [],
  seenFrom: [['192.0.2.1', 50_000]],
  answeredFrom: ['192.0.2.2'],
  checksumErrors: { here: 0, there: 0 },
  complaints: [],
};

function judged(opening: Partial<PathOpening>, vxlan: Partial<Vxlan> | null = {}) {
  const facts = {
    opening: { ...OPENING, ...opening },
    vxlan: vxlan === null ? undefined : { ...VXLAN, ...vxlan },
  };
  return checkPath(facts, { ifname: 'ens3' });
}

const gossip = (changes: Partial<PathOpening['gossip']>) => ({ gossip: { ...OPENING.gossip, ...changes } });
const silentUdp = (arrived: boolean | null) => ({ udp: { answered: false, arrived } });
const silentTcp = (failure: string) => ({ tcp: { answered: false, failure } });

test('a healthy path has no findings, nor has one that loses a third', t => {
  t.deepEqual(judged({}), []);
  t.deepEqual(judged({}, { small: { sent: 3, arrived: 2, answered: 1 }, raw: undefined }), []);
});

test('each cause on the path has its verdict and one sentence', t => {
  const none = { small: LOST, raw: LOST, largest: undefined } as const;
  const table: readonly (readonly [Partial<PathOpening>, Partial<Vxlan> | null, string, RegExp])[] = [
    [gossip(silentUdp(true)), {}, 'gossip-udp-blocked', /7946 is blocked from vm-b to this host/],
    [gossip(silentUdp(false)), {}, 'gossip-udp-blocked', /7946 is blocked from this host to vm-b/],
    [gossip(silentUdp(null)), {}, 'gossip-udp-blocked', /blocked to vm-b or back/],
    [
      gossip(silentTcp('timeout')),
      {},
      'gossip-tcp-blocked',
      /TCP port 7946 of vm-b cannot be reached \(timeout\)/,
    ],
    [
      gossip({ ...silentUdp(null), ...silentTcp('ECONNREFUSED') }),
      null,
      'gossip-silent',
      /its daemon is down/,
    ],
    [
      gossip({ ...silentUdp(null), ...silentTcp('timeout') }),
      null,
      'gossip-silent',
      /host is down, or something/,
    ],
    [{}, none, 'vxlan-blocked-out', /from this host to vm-b: nothing arrives there/],
    [
      {},
      { ...none, small: { ...LOST, arrived: 3 }, raw: { ...LOST, arrived: 3 } },
      'vxlan-blocked-in',
      /no answer comes back/,
    ],
    [{}, { ...none, small: { ...LOST, arrived: null } }, 'vxlan-blocked', /to vm-b or back/],
    [{}, { ...none, refused: [constants.errno.EPERM] }, 'vxlan-refused', /EPERM.*its own packet filter/],
    [{}, { ...none, refused: [constants.errno.ENETUNREACH] }, 'vxlan-refused', /ENETUNREACH.*no way there/],
    [
      {},
      { ...none, complaints: [{ from: '192.0.2.2', kind: 'port-unreachable', mtu: null }] },
      'vxlan-closed',
      /Nobody listens on UDP port 4789 of vm-b, as 192\.0\.2\.2 says/,
    ],
    [
      {},
      { ...none, complaints: [{ from: '192.0.2.254', kind: 'prohibited', mtu: null }] },
      'vxlan-blocked-out',
      /as 192\.0\.2\.254 says/,
    ],
    [{}, { ...none, raw: PASSED }, 'checksum-corrupted', /network card of this host/],
    [
      {},
      { ...none, checksumErrors: { here: 0, there: 6 } },
      'checksum-corrupted',
      /6 datagrams were dropped/,
    ],
    [
      {},
      { ...none, small: { ...LOST, arrived: 3 }, checksumErrors: { here: 3, there: 0 } },
      'checksum-corrupted',
      /from vm-b reach this host with wrong checksums/,
    ],
    [
      {},
      { largest: { there: 1400, back: 1400 } },
      'path-mtu',
      /more than 1400 bytes are lost from this host to vm-b, and no router/,
    ],
    [{}, { largest: { there: 1500, back: 1400 } }, 'path-mtu', /from vm-b to this host/],
    [
      {},
      {
        largest: { there: 1400, back: 1400 },
        complaints: [{ from: '192.0.2.254', kind: 'too-big', mtu: 1400 }],
      },
      'path-mtu',
      /192\.0\.2\.254 says that it takes 1400/,
    ],
    [
      {},
      { seenFrom: [['203.0.113.7', 1024]] },
      'nat-rewrite',
      /from 192\.0\.2\.1 reaches vm-b from 203\.0\.113\.7/,
    ],
    [{}, { answeredFrom: ['203.0.113.8'] }, 'nat-rewrite', /reaches this host from 203\.0\.113\.8/],
    [
      {
        session: {
          ...(OPENING.session as NonNullable<PathOpening['session']>),
          vtep: { address: '10.0.0.2', port: 4789 },
        },
      },
      {},
      'vtep-mismatch',
      /takes VXLAN at 10\.0\.0\.2, but is known to gossip at 192\.0\.2\.2/,
    ],
    [{ clock_ms: -3000 }, {}, 'clock-skew', /3\.0 s behind/],
    [{ clock_ms: 86_400_000 }, {}, 'clock-skew', /86400\.0 s ahead/],
  ];
  for (const [opening, vxlan, verdict, sentence] of table) {
    const findings = judged(opening, vxlan);
    t.deepEqual(
      findings.map(one => one.verdict),
      [verdict],
      sentence.source,
    );
    t.regex(findings[0]?.sentence ?? '', sentence);
  }
});

test('a clock that is off by less than a round trip tells is not blamed', t => {
  t.deepEqual(judged({ clock_ms: 1500, clock_error_ms: 600 }), []);
});

test('only a card of this host is mended from here', t => {
  const none = { small: LOST, largest: undefined } as const;
  const [here] = judged({}, { ...none, raw: PASSED });
  t.like(here, { mend: 'ethtool -K ens3 tx off', fix: 'all' });
  const [there] = judged(
    {},
    { ...none, small: { ...LOST, arrived: 3 }, checksumErrors: { here: 3, there: 0 } },
  );
  t.like(there, { fix: 'hand' });
});
