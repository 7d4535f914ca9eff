/** What a fake node says of itself to the doctor. */
import type { DoctorReport } from '../doctor/examination.ts';
import type { PathOpening, PathOperations } from '../doctor/path/path-facts.ts';
import type { SelfReport } from '../doctor/self-report.ts';

export const FAKE_SELF: SelfReport = {
  name: 'vm-a',
  pid: 4711,
  underlay: '192.0.2.1',
  vxlan_port: 4789,
  gossip_port: 7946,
  state: '/var/lib/weft',
  networks: [{ name: 'blue', vni: 42, mtu: 1450, mode: 'overlay', suspended: 0 }],
  links: [
    {
      ifname: 'wf-blue',
      network: 'blue',
      kind: 'bridge',
      netns: null,
      mtu: 1450,
      mac: '02:00:5e:20:00:01',
      master: null,
      addresses: [],
    },
    {
      ifname: 'wt-blue',
      network: 'blue',
      kind: 'tap',
      netns: null,
      mtu: 1450,
      mac: '02:00:5e:20:00:02',
      master: 'wf-blue',
      addresses: [],
    },
  ],
};

/** What docs/cli.md shows. */
export const FAKE_DIAGNOSIS: DoctorReport = {
  node: 'vm-a',
  healthy: false,
  findings: [
    {
      verdict: 'link-mtu',
      severity: 'error',
      subject: 'wf-blue',
      sentence: 'wf-blue has MTU 1400, network blue has 1450: it refuses frames that others may send.',
      mend: 'ip link set dev wf-blue mtu 1450',
      fix: 'safe',
    },
  ],
  mended: [],
  failed: [],
  not_checked: [],
  paths: [{ peer: 'vm-b', address: '192.0.2.2', there: 1500, back: 1500, needed: 1500, clock_ms: 3 }],
};

/** A path over which both ways of gossip pass. */
export const FAKE_OPENING: PathOpening = {
  peer: 'vm-b',
  address: '192.0.2.2',
  gossip: { port: 7946, udp: { answered: true, arrived: true }, tcp: { answered: true, failure: null } },
  clock_ms: 0,
  clock_error_ms: 1,
  session: {
    token: '00112233445566778899aabbccddeeff',
    to: { address: '192.0.2.2', port: 4789 },
    from: '192.0.2.1',
    vtep: { address: '192.0.2.2', port: 4789 },
  },
  needed_bytes: 1500,
};

/** A healthy path to whoever is asked for. */
export const fakePaths: PathOperations = {
  openPath: ({ peer }) => Promise.resolve({ ...FAKE_OPENING, peer }),
  sendProbes: ({ probes }) => Promise.resolve({ errnos: probes.map(() => 0) }),
  lookAtProbes: ({ numbers }) =>
    Promise.resolve({
      answered: numbers,
      arrived: numbers,
      seen_from: [['192.0.2.1', 49152]],
      answered_from: ['192.0.2.2'],
      checksum_errors: { here: 0, there: 0 },
    }),
};
