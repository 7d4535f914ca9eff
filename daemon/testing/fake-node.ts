/** A node without a network: fixed reports, and endpoints that are only remembered. docs/cli.md shows these answers. */
import { WeftError } from '../../dataplane/errors.ts';
import { DNS_DROPS } from '../dns/dns-counters.ts';
import type { ResolveReport, ResolveRequest } from '../dns/dns-reports.ts';
import type { SelfReport } from '../doctor/self-report.ts';
import { formatMetrics } from '../metrics/exposition.ts';
import type { MetricFormat } from '../metrics/metric-format.ts';
import { sample } from '../metrics/samples.ts';
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
import { FAKE_STATUS } from './fake-status.ts';

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
  ports: [{ protocol: 'tcp', host_address: null, host_port: 8080, container_port: 80 }],
  bandwidth: { ingress: { rate_bps: 100_000_000, burst_bits: 1_048_576 }, egress: null },
  age_s: 310,
  mobility: 0,
  frozen: false,
  sticky: false,
  suspended: false,
  container: 'web',
  names: ['web', 'web-1'],
  resolver: 'serving',
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
  ports: [],
  bandwidth: null,
  age_s: 125.5,
  mobility: 2,
  frozen: true,
  sticky: false,
  suspended: false,
  container: 'db',
  names: ['db'],
  resolver: null,
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

export const FAKE_RESOLUTION: ResolveReport = {
  name: 'web',
  networks: [
    {
      network: 'blue',
      fqdn: 'web.blue.weft',
      addresses: [
        { address: '198.18.0.2', owner: 'vm-a', container: 'web', mac: '02:00:5e:10:00:02', answered: true },
        { address: '198.18.0.3', owner: 'vm-b', container: null, mac: '02:00:5e:10:00:05', answered: false },
      ],
    },
  ],
};

const FAKE_DROPS: readonly DropReport[] = [
  { network: null, reason: 'unknown_vni', frames: 3, meaning: 'the VNI is no network of this node' },
  { network: null, reason: 'dns_upstream', frames: 2, meaning: DNS_DROPS.upstream },
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
    | ResolveRequest
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
    const { mode = 'overlay', gatewayAddresses: gateway = [], parent = null, macvlanMode } = request;
    const shape = { mode, attach, gateway, gateway_mac: null, parent, macvlan_mode: macvlanMode ?? null };
    return { name, ...shape, vni, subnet, subnet6, ipam, mtu, endpoints: 0, vteps: [], ...made };
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

  metrics(format: MetricFormat): Promise<string> {
    return formatMetrics([sample('weft_dataplane_workers', 1, {})], format);
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
      names: request.names ?? [],
      resolver: request.resolver === false ? 'off' : 'serving',
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

  async resolve(request: ResolveRequest): Promise<ResolveReport> {
    this.requests.push(request);
    if (request.name === FAKE_RESOLUTION.name) return FAKE_RESOLUTION;
    throw new WeftError('not_found', `no container is called "${request.name}" in any network of this node`, {
      hint: 'see weft endpoints for the names that there are',
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
