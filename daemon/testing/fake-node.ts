/** A node without a network: fixed reports, and endpoints that are only remembered. docs/cli.md shows these answers. */
import { WeftError } from '../../dataplane/errors.ts';
import type { SelfReport } from '../doctor/self-report.ts';
import type {
  AttachRequest,
  DetachRequest,
  DropReport,
  EndpointReport,
  ExplainReport,
  ExplainRequest,
  FdbReport,
  ForgetRequest,
  IpamReport,
  KeysReport,
  KeysRequest,
  NetworkCreateRequest,
  NetworkRemoveRequest,
  NetworkReport,
  NodeOperations,
  PeerReport,
  ReleaseRequest,
  StatusReport,
} from '../operations.ts';
import { FAKE_SELF, fakePaths } from './fake-doctor.ts';
import { FAKE_IPAM, FAKE_NETWORKS } from './fake-networks.ts';

export const FAKE_STATUS: StatusReport = {
  node: { name: 'vm-a', underlay: '192.0.2.1', version: '0.1.0', uptime_s: 7832.5 },
  networks: [{ name: 'blue', vni: 42, mtu: 1450, endpoints: 1 }],
  peers: { alive: 1, suspect: 0, dead: 1 },
  gossip: { health_score: 0, encrypted: true },
  claims: {
    installed: 12,
    waiting: 1,
    repaired: 0,
    audits: 261,
    usable_ms: {
      count: 40,
      skewed: 0,
      p50: 2,
      p99: 61.4,
      max: 61.4,
      buckets: [
        { le: 1, count: 4 },
        { le: 2, count: 31 },
        { le: 5, count: 37 },
        { le: 10, count: 38 },
        { le: 20, count: 39 },
        { le: 50, count: 39 },
        { le: 100, count: 40 },
        { le: 200, count: 40 },
        { le: 500, count: 40 },
        { le: 1000, count: 40 },
        { le: 2000, count: 40 },
        { le: 5000, count: 40 },
        { le: 10_000, count: 40 },
        { le: null, count: 40 },
      ],
    },
  },
  dataplane: {
    workers: 1,
    rx_packets: 1_204_511,
    tx_packets: 998_004,
    rx_bytes: 1_610_612_736,
    tx_bytes: 734_003_200,
    rx_messages: 31_204,
    tx_sends: 25_118,
    drops: { unknown_vni: 3 },
    offloads: {
      udp_segment: 'on',
      udp_gro: 'on',
      tap_tso: 'on',
      tap_uso: 'off',
      tunnel_gso: 'on',
      io_uring: 'on',
    },
    sender: 'tunnel-gso',
    paths: [
      {
        vtep: '192.0.2.2',
        ifname: 'eth0',
        next_hop: '02:00:00:00:00:02',
        mtu: 1500,
        sender: 'tunnel-gso',
        reason: null,
      },
      {
        vtep: '192.0.2.9',
        ifname: 'eth0',
        next_hop: null,
        mtu: 1500,
        sender: 'udp-gso',
        reason: 'its next hop is not known yet',
      },
    ],
  },
};

const FAKE_PEERS: readonly PeerReport[] = [
  {
    name: 'vm-b',
    address: '192.0.2.2',
    state: 'alive',
    vnis: [42, 43],
    last_seen_s: 0.4,
    incarnation: 7,
    health: 'good',
    rtt_ms: 0.38,
    last_two_way_s: 0.9,
  },
  {
    name: 'vm-c',
    address: '192.0.2.3',
    state: 'dead',
    vnis: [42],
    last_seen_s: 185,
    incarnation: 2,
    health: 'failing',
    rtt_ms: 1.2,
    last_two_way_s: 186.3,
  },
];

const FAKE_FDB: readonly FdbReport[] = [
  {
    network: 'blue',
    vni: 42,
    mac: '02:00:5e:10:00:02',
    where: 'local',
    vtep: null,
    origin: 'attached',
    age_s: 310,
  },
  {
    network: 'blue',
    vni: 42,
    mac: '02:00:5e:10:00:03',
    where: 'remote',
    vtep: '192.0.2.2',
    origin: 'gossip',
    age_s: 125.4,
  },
];

const FAKE_ENDPOINT: EndpointReport = {
  network: 'blue',
  vni: 42,
  where: 'local',
  owner: 'vm-a',
  vtep: null,
  netns: 'web',
  ifname: 'eth0',
  mac: '02:00:5e:10:00:02',
  addresses: ['198.18.0.2/24'],
  mtu: 1450,
  attach: 'bridge',
  age_s: 310,
  mobility: 0,
  frozen: false,
  sticky: false,
  suspended: false,
  container: 'web',
};

const FAKE_REMOTE_ENDPOINT: EndpointReport = {
  network: 'blue',
  vni: 42,
  where: 'remote',
  owner: 'vm-b',
  vtep: '192.0.2.2',
  netns: null,
  ifname: 'eth0',
  mac: '02:00:5e:10:00:03',
  addresses: ['198.18.0.3'],
  mtu: null,
  attach: null,
  age_s: 125.5,
  mobility: 2,
  frozen: true,
  sticky: false,
  suspended: false,
  container: 'db',
};

/** What it has before anything is attached or detached. */
export const FAKE_ENDPOINTS: readonly EndpointReport[] = [FAKE_ENDPOINT, FAKE_REMOTE_ENDPOINT];

export const FAKE_EXPLANATION: ExplainReport = {
  mac: '02:00:5e:10:00:03',
  networks: [
    {
      network: 'blue',
      vni: 42,
      entry: { where: 'remote', vtep: '192.0.2.2', origin: 'gossip', age_s: 125.4 },
      claims: [
        {
          owner: 'vm-b',
          vtep: '192.0.2.2',
          addresses: ['198.18.0.3'],
          mobility: 2,
          sticky: false,
          frozen: true,
          standing: 'winner',
          rule: 'frozen',
          why: 'it is frozen, for it moved too often, and is held where it is',
          since_s: 125.5,
          dataplane: 'used',
        },
        {
          owner: 'vm-d',
          vtep: '192.0.2.4',
          addresses: ['198.18.0.3'],
          mobility: 1,
          sticky: false,
          frozen: false,
          standing: 'outranked',
          rule: 'frozen',
          why: 'the claim of vm-b is frozen, for the address moved too often, and is held there',
          since_s: 164.2,
          dataplane: null,
        },
      ],
      contested_moves: 5,
      conclusion:
        'Frames to it go to vm-b at VTEP 192.0.2.2, whose claim wins: it is frozen, for it moved too often, and is held where it is.',
    },
  ],
};

const FAKE_DROPS: readonly DropReport[] = [
  { network: null, reason: 'unknown_vni', frames: 3, meaning: 'the VNI is no network of this node' },
];

/** Every request that says more than which report is wanted is kept in `requests`. */
export class FakeNode implements NodeOperations {
  readonly requests: (
    | AttachRequest
    | DetachRequest
    | ExplainRequest
    | ForgetRequest
    | KeysRequest
    | NetworkCreateRequest
    | NetworkRemoveRequest
    | ReleaseRequest
  )[] = [];
  private readonly attached = new Map<string, EndpointReport>([['blue web eth0', FAKE_ENDPOINT]]);

  status(): Promise<StatusReport> {
    return Promise.resolve(FAKE_STATUS);
  }

  self(): Promise<SelfReport> {
    return Promise.resolve(FAKE_SELF);
  }

  readonly openPath = fakePaths.openPath;
  readonly sendProbes = fakePaths.sendProbes;
  readonly lookAtProbes = fakePaths.lookAtProbes;

  peers(): Promise<readonly PeerReport[]> {
    return Promise.resolve(FAKE_PEERS);
  }

  fdb(): Promise<readonly FdbReport[]> {
    return Promise.resolve(FAKE_FDB);
  }

  networks(): Promise<readonly NetworkReport[]> {
    return Promise.resolve(FAKE_NETWORKS);
  }

  async createNetwork(request: NetworkCreateRequest): Promise<NetworkReport> {
    this.requests.push(request);
    const { name, attach, vni = 1_048_576, subnet = null, subnet6 = null, ipam = 'weft' } = request;
    const mtu = request.mtu === 'auto' ? 1450 : request.mtu;
    const made = { source: 'created', created_by: 'vm-a', carried: false, conflict: null } as const;
    return { name, attach, vni, subnet, subnet6, ipam, mtu, endpoints: 0, vteps: [], ...made };
  }

  async removeNetwork(request: NetworkRemoveRequest): Promise<{ readonly removed: boolean }> {
    this.requests.push(request);
    return { removed: FAKE_NETWORKS.some(({ name }) => name === request.name) };
  }

  ipam(): Promise<readonly IpamReport[]> {
    return Promise.resolve(FAKE_IPAM);
  }

  async forget(request: ForgetRequest): Promise<{ readonly networks: readonly string[] }> {
    this.requests.push(request);
    return { networks: request.node === 'vm-c' ? ['green'] : [] };
  }

  endpoints(): Promise<readonly EndpointReport[]> {
    return Promise.resolve([...this.attached.values(), FAKE_REMOTE_ENDPOINT]);
  }

  drops(): Promise<readonly DropReport[]> {
    return Promise.resolve(FAKE_DROPS);
  }

  async attach(request: AttachRequest): Promise<EndpointReport> {
    this.requests.push(request);
    const network = FAKE_NETWORKS.find(candidate => candidate.name === request.network);
    if (network === undefined) {
      throw new WeftError('not_found', `there is no network "${request.network}" on this node`, {
        hint: 'known ones: blue, green',
      });
    }
    const endpoint: EndpointReport = {
      ...FAKE_ENDPOINT,
      network: network.name,
      vni: network.vni,
      netns: request.netns,
      ifname: request.ifname,
      mac: request.mac ?? FAKE_ENDPOINT.mac,
      addresses: request.addresses,
      mtu: network.mtu,
      attach: network.attach,
      age_s: 0,
      container: request.netns,
    };
    this.attached.set(keyOf(request), endpoint);
    return endpoint;
  }

  async explain(request: ExplainRequest): Promise<ExplainReport> {
    this.requests.push(request);
    if (request.mac === FAKE_EXPLANATION.mac) return FAKE_EXPLANATION;
    throw new WeftError('not_found', `nothing is known of ${request.mac} in any network of this node`, {
      hint: 'compare it with weft endpoints',
    });
  }

  async release(request: ReleaseRequest): Promise<{ readonly released: boolean }> {
    this.requests.push(request);
    return { released: request.mac === FAKE_EXPLANATION.mac };
  }

  async gossipKeys(request: KeysRequest): Promise<KeysReport> {
    this.requests.push(request);
    if (request.operation === 'list') return FAKE_KEYS;
    return { nodes: FAKE_KEYS.nodes.map(node => ({ ...node, primary: null, keys: [] })) };
  }

  async detach(request: DetachRequest): Promise<{ readonly removed: boolean }> {
    this.requests.push(request);
    return { removed: this.attached.delete(keyOf(request)) };
  }
}

export const FAKE_KEYS: KeysReport = {
  nodes: [
    {
      name: 'vm-a',
      ok: true,
      message: null,
      primary: '630dcd2966c43366',
      keys: ['630dcd2966c43366', 'be45cb2605bf36be'],
    },
    { name: 'vm-b', ok: true, message: null, primary: '630dcd2966c43366', keys: ['630dcd2966c43366'] },
  ],
};

function keyOf(endpoint: DetachRequest): string {
  return [endpoint.network, endpoint.netns, endpoint.ifname].join(' ');
}
