import test, { type ExecutionContext } from 'ava';
import { type Contact, NO_CONTACT } from '../control/contact.ts';
import { Counters } from '../control/counters.ts';
import type { GossipMember } from '../control/events.ts';
import { parseIp, parseMac, parseVni } from '../dataplane/address.ts';
import type { TableEntry } from '../dataplane/commands.ts';
import { WeftError } from '../dataplane/errors.ts';
import { ManualClock } from '../dataplane/testing/manual-clock.ts';
import type { NetworkConfig } from './config/config.ts';
import type { Endpoint } from './endpoints/endpoint.ts';
import { type NodeParts, nodeOperations } from './node-operations.ts';
import { NO_RECORDS, type RecordSource } from './records/record-views.ts';
import { claimView, type FakeClaim } from './testing/claims.ts';
import { FakeDataplane } from './testing/fake-dataplane.ts';
import { FAKE_STATUS } from './testing/fake-status.ts';

const network = (name: string, vni: number): ReturnType<NodeParts['networks']>[number] => {
  const config: NetworkConfig = {
    name,
    vni: parseVni(vni),
    subnet: undefined,
    subnet6: undefined,
    mode: 'overlay',
    attach: 'bridge',
    gateway: false,
    gatewayAddresses: [],
    parent: undefined,
    macvlanMode: 'bridge',
    ipam: undefined,
    mtu: 'auto',
    staticVteps: [],
    unknownUnicast: 'auto',
    unknownAddress: 'flood',
    bumRate: 1000,
  };
  return { name, config, mtu: 1450, vteps: [] };
};

const endpoint = (mac: string): Endpoint => ({
  network: 'blue',
  vni: 42,
  attach: 'bridge',
  netns: { name: 'web', path: '/run/netns/web', inode: 7 },
  ifname: 'eth0',
  mac,
  addresses: ['198.18.0.2/24'],
  mtu: 1450,
  hostLink: 'wv0123456789ab',
  pending: false,
});

const WEB = endpoint('02:00:5e:10:00:02');
const B = { origin: 'vm-b', vtep: '192.0.2.2' };

const entry = (mac: string, changes: Partial<TableEntry> = {}): TableEntry => ({
  vni: parseVni(42),
  mac: parseMac(mac),
  origin: 'attached',
  port: 'wt-blue',
  vtep: null,
  ageMs: 1500,
  ...changes,
});

interface Setting {
  readonly claims?: readonly FakeClaim[];
  readonly endpoints?: readonly Endpoint[];
  readonly table?: readonly TableEntry[];
  readonly members?: readonly GossipMember[];
  readonly records?: Partial<RecordSource>;
}

/** Node vm-a with networks blue and green; `claims` are in blue. */
function node({ claims = [], endpoints = [], table = [], members = [], records }: Setting) {
  const clock = new ManualClock();
  const view = claimView(claims, { clock });
  clock.advance(2000);
  const unasked = () => Promise.reject(new Error('not asked for'));
  const source: RecordSource = {
    ...NO_RECORDS,
    owners: view.owners.bind(view),
    explain: view.explain.bind(view),
    ...records,
  };
  return nodeOperations({
    clock,
    name: 'vm-a',
    underlay: '192.0.2.1',
    dataplane: new FakeDataplane({ readTable: table }),
    state: { report: () => FAKE_STATUS.state },
    gossip: {
      members: () => members,
      counters: () => new Counters().report(),
      changeKeys: unasked,
      report: () => ({ healthScore: 3, isEncrypted: true, queued: { members: 0, user: 0 } }),
    },
    endpoints: {
      all: () => endpoints,
      ofNetwork: name => endpoints.filter(candidate => candidate.network === name),
      isSuspended: () => false,
      detach: unasked,
    },
    attach: () => Promise.resolve(WEB),
    networks: () => [network('blue', 42), network('green', 43)],
    offloads: { report: () => ({}) as never },
    sender: { report: () => ({ sender: 'udp-gso', paths: [] }) },
    ...(claims.length > 0 || records !== undefined ? { records: source } : {}),
  });
}

async function refusal(t: ExecutionContext, work: Promise<unknown>): Promise<string | undefined> {
  return (await t.throwsAsync(work, { instanceOf: WeftError }))?.line;
}

test('status tells how gossip and claims are', async t => {
  const claims = { ...(await NO_RECORDS.report()), installed: 3, audits: 2 };
  const status = await node({ records: { report: () => Promise.resolve(claims) } }).status();
  t.deepEqual(status.gossip, { health_score: 3, encrypted: true });
  t.deepEqual(status.claims, claims);
});

test('status counts the endpoints of this node alone', async t => {
  const status = await node({ claims: [B], endpoints: [WEB] }).status();
  t.deepEqual(
    status.networks.map(({ name, endpoints }) => [name, endpoints]),
    [
      ['blue', 1],
      ['green', 0],
    ],
  );
});

test('peers are told with what probes have shown', async t => {
  const member = (name: string, contact: Contact): GossipMember => ({
    name,
    address: parseIp('192.0.2.2'),
    port: 7946,
    state: 'alive',
    incarnation: 1,
    tags: new Map(),
    lastSeen: 1900,
    contact,
  });
  const members = [
    member('vm-a', NO_CONTACT),
    member('vm-b', { rtt: 0.456, lastTwoWay: 1000, health: 'good' }),
    member('vm-c', NO_CONTACT),
  ];
  const rows = (await node({ members }).peers()).map(peer => [
    peer.name,
    peer.health,
    peer.rtt_ms,
    peer.last_two_way_s,
  ]);
  t.deepEqual(rows, [
    ['vm-b', 'good', 0.46, 1],
    ['vm-c', null, null, null],
  ]);
});

test('endpoints are those of this node, then those of others', async t => {
  const claims = [
    { origin: 'vm-a', vtep: '192.0.2.1', mac: WEB.mac, mobility: 1, containerId: 'web' },
    { ...B, ips: ['198.18.0.3'] },
  ];
  const other = endpoint('02:00:5e:10:00:04');
  const rows = await node({
    claims,
    endpoints: [WEB, other],
    table: [entry(WEB.mac), entry(other.mac, { ageMs: 700 })],
  }).endpoints();
  t.deepEqual(
    rows.map(row => [row.where, row.owner, row.mac, row.netns, row.mobility, row.age_s, row.container]),
    [
      ['local', 'vm-a', WEB.mac, 'web', 1, 2, 'web'],
      ['local', 'vm-a', other.mac, 'web', null, 0.7, null],
      ['remote', 'vm-b', '02:00:5e:10:00:03', null, 0, 2, null],
    ],
  );
});

test('without records there are local endpoints, and nothing is claimed', async t => {
  const operations = node({ endpoints: [WEB], table: [entry(WEB.mac)] });
  t.like(await operations.endpoints(), [{ where: 'local', age_s: 1.5, mobility: null }]);
  t.like((await operations.status()).claims, { installed: 0, audits: 0 });
  t.deepEqual(await operations.release({ mac: WEB.mac, network: 'blue' }), { released: false });
});

test('attach answers with a local endpoint', async t => {
  t.like(
    await node({}).attach({ netns: 'web', network: 'blue', addresses: [], ifname: 'eth0', mac: undefined }),
    {
      where: 'local',
      owner: 'vm-a',
      netns: 'web',
      age_s: null,
    },
  );
});

test('explain: every network that knows the address, or the one that was asked for', async t => {
  const mac = '02:00:5e:10:00:03';
  const table = [entry(mac, { vni: parseVni(43), origin: 'learned', vtep: parseIp('192.0.2.9') })];
  const operations = node({ claims: [B], table });
  const names = async (name?: string) =>
    (await operations.explain({ mac, network: name })).networks.map(one => [one.network, one.claims.length]);
  t.deepEqual(await names(), [
    ['blue', 1],
    ['green', 0],
  ]);
  t.deepEqual(await names('green'), [['green', 0]]);
});

test('explain: a container of this node', async t => {
  const { networks } = await node({ endpoints: [WEB], table: [entry(WEB.mac)] }).explain({
    mac: WEB.mac,
    network: undefined,
  });
  t.is(networks[0]?.conclusion, 'Frames to it go to eth0 of web on this node, because it is attached here.');
});

test('explain: what is not known is an error that says what to do', async t => {
  const operations = node({ claims: [B] });
  const hint =
    'compare it with weft endpoints; one that weft was not told of is known after its first frame: ping from it';
  t.is(
    await refusal(t, operations.explain({ mac: WEB.mac, network: undefined })),
    `nothing is known of ${WEB.mac} in any network of this node; ${hint}`,
  );
  t.is(
    await refusal(t, operations.explain({ mac: '02:00:5e:10:00:03', network: 'green' })),
    `nothing is known of 02:00:5e:10:00:03 in green; ${hint}`,
  );
  const unknown = 'there is no network "red" on this node; known ones: blue, green';
  t.is(await refusal(t, operations.explain({ mac: WEB.mac, network: 'red' })), unknown);
  t.is(await refusal(t, operations.release({ mac: WEB.mac, network: 'red' })), unknown);
});

test('release asks the record log for what is frozen here, and for nothing else', async t => {
  const asked: [number, number][] = [];
  const release = (vni: number, mac: number) => {
    asked.push([vni, mac]);
    return true;
  };
  const claims = [
    { origin: 'vm-a', vtep: '192.0.2.1', frozen: true },
    { ...B, frozen: true, mac: WEB.mac },
  ];
  const operations = node({ claims, records: { release } });
  const mac = '02:00:5e:10:00:03';
  t.deepEqual(await operations.release({ mac, network: 'blue' }), { released: true });
  t.deepEqual(await operations.release({ mac, network: 'green' }), { released: false });
  t.regex(
    (await refusal(t, operations.release({ mac: WEB.mac, network: 'blue' }))) ?? '',
    /^02:00:5e:10:00:02 is frozen by vm-b, not by this node; run there: weft release/,
  );
  t.deepEqual(asked, [[42, parseMac(mac)]]);
});
