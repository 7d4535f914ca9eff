/** A node without a network: fixed reports, and endpoints that are only remembered. docs/cli.md shows these answers. */
import { WeftError } from '../../dataplane/errors.ts';
import type {
  AttachRequest,
  DetachRequest,
  DropReport,
  EndpointReport,
  FdbReport,
  KeysReport,
  KeysRequest,
  NetworkReport,
  NodeOperations,
  PeerReport,
  StatusReport,
} from '../operations.ts';

export const FAKE_STATUS: StatusReport = {
  node: { name: 'vm-a', underlay: '192.0.2.1', version: '0.1.0', uptime_s: 7832.5 },
  networks: [{ name: 'blue', vni: 42, mtu: 1450, endpoints: 1 }],
  peers: { alive: 1, suspect: 0, dead: 1 },
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
  { name: 'vm-b', address: '192.0.2.2', state: 'alive', vnis: [42, 43], last_seen_s: 0.4, incarnation: 7 },
  { name: 'vm-c', address: '192.0.2.3', state: 'dead', vnis: [42], last_seen_s: 185, incarnation: 2 },
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
    origin: 'learned',
    age_s: 2.2,
  },
];

const FAKE_NETWORKS: readonly NetworkReport[] = [
  {
    name: 'blue',
    vni: 42,
    mtu: 1450,
    endpoints: 1,
    subnet: '198.18.0.0/16',
    attach: 'bridge',
    vteps: ['192.0.2.2', '192.0.2.9'],
  },
  { name: 'green', vni: 43, mtu: 1450, endpoints: 0, subnet: null, attach: 'tap', vteps: [] },
];

export const FAKE_ENDPOINT: EndpointReport = {
  network: 'blue',
  vni: 42,
  netns: 'web',
  ifname: 'eth0',
  mac: '02:00:5e:10:00:02',
  addresses: ['198.18.0.2/24'],
  mtu: 1450,
  attach: 'bridge',
};

const FAKE_DROPS: readonly DropReport[] = [
  { network: null, reason: 'unknown_vni', frames: 3, meaning: 'the VNI is no network of this node' },
];

/** Every request to change something is kept in `requests`. */
export class FakeNode implements NodeOperations {
  readonly requests: (AttachRequest | DetachRequest | KeysRequest)[] = [];
  private readonly attached = new Map<string, EndpointReport>([[keyOf(FAKE_ENDPOINT), FAKE_ENDPOINT]]);

  status(): Promise<StatusReport> {
    return Promise.resolve(FAKE_STATUS);
  }

  peers(): Promise<readonly PeerReport[]> {
    return Promise.resolve(FAKE_PEERS);
  }

  fdb(): Promise<readonly FdbReport[]> {
    return Promise.resolve(FAKE_FDB);
  }

  networks(): Promise<readonly NetworkReport[]> {
    return Promise.resolve(FAKE_NETWORKS);
  }

  endpoints(): Promise<readonly EndpointReport[]> {
    return Promise.resolve([...this.attached.values()]);
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
      network: network.name,
      vni: network.vni,
      netns: request.netns,
      ifname: request.ifname,
      mac: request.mac ?? FAKE_ENDPOINT.mac,
      addresses: request.addresses,
      mtu: network.mtu,
      attach: network.attach,
    };
    this.attached.set(keyOf(endpoint), endpoint);
    return endpoint;
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
