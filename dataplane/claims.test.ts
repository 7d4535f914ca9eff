import test from 'ava';
import { BROADCAST_MAC, type IpAddress, type MacAddress, parseIp, parseVni } from './address.ts';
import { addressWords } from './address-index.ts';
import type { ClaimState } from './claims.ts';
import { LocalPort } from './local-port.ts';
import { Network } from './network.ts';
import { claimOf } from './testing/claims.ts';
import { station } from './testing/frames.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { Vtep } from './vtep-table.ts';

const [A, B] = [station(1), station(2)];
const [OWN, NEAR, FAR] = [parseIp('192.0.2.1'), parseIp('192.0.2.2'), parseIp('192.0.2.3')];

function setUp() {
  const clock = new ManualClock();
  const network = new Network(
    { clock, time: { ms: new Float64Array(1) } },
    { name: 'blue', vni: parseVni(42), mtu: 1450, own: OWN },
  );
  const port = new LocalPort('tap');
  const near = new Vtep(NEAR, 4789);
  const far = new Vtep(FAR, 4789);
  return { network, port, near, far };
}

type Rig = ReturnType<typeof setUp>;

const half = (mac: MacAddress): [number, number] => [Math.floor(mac / 2 ** 24), mac % 2 ** 24];
const placeOf = ({ network }: Rig, mac: MacAddress) => network.table.lookup(...half(mac));
const statesOf = ({ network }: Rig): ClaimState[] =>
  Array.from(network.claims.reports(), ({ state }) => state);

/** The MAC addresses of who has it, the one to be believed first. */
function ownersOf({ network }: Rig, address: IpAddress): MacAddress[] {
  const [a = 0, b = 0, c = 0, d = 0] = addressWords(address);
  const found = network.neighbors.find(address.includes(':') ? 6 : 4, a, b, c, d) ?? [];
  return found.map(({ mac }) => mac);
}

test('a claim is an entry and addresses; removed, neither is left', t => {
  const rig = setUp();
  rig.network.setVteps('gossip', [rig.near]);
  rig.network.claims.change({ set: [claimOf(A, NEAR, { mobility: 3 })], remove: [] });
  t.is(placeOf(rig, A.mac), rig.near.destination);
  t.deepEqual(
    [...rig.network.table.entries()].map(({ origin }) => origin),
    ['gossip'],
  );
  t.deepEqual(ownersOf(rig, A.ipv4), [A.mac]);
  t.deepEqual(ownersOf(rig, A.ipv6), [A.mac]);
  t.deepEqual(
    [...rig.network.claims.reports()],
    [{ ...claimOf(A, NEAR, { mobility: 3 }), state: 'used' as const }],
  );
  rig.network.claims.change({ set: [], remove: [A.mac, B.mac] });
  t.is(placeOf(rig, A.mac), undefined);
  t.deepEqual(ownersOf(rig, A.ipv4), []);
  t.deepEqual([...rig.network.claims.reports()], []);
});

test('a claim neither ages, nor yields to learning, nor goes with a flush of what was learned', t => {
  const rig = setUp();
  const { table } = rig.network;
  rig.network.setVteps('gossip', [rig.near, rig.far]);
  table.learn(...half(A.mac), rig.far.destination);
  rig.network.claims.change({ set: [claimOf(A, NEAR)], remove: [] });
  t.is(table.learn(...half(A.mac), rig.far.destination), 'refused');
  t.false(table.adopt(A.mac, rig.far.destination, 1e9));
  t.true(table.isClaimed(...half(A.mac)));
  t.is(
    table.forget((_, __, origin) => origin === 'learned'),
    0,
  );
  t.is(placeOf(rig, A.mac), rig.near.destination);
});

test('set takes the place of the former claim: another VTEP, other addresses', t => {
  const rig = setUp();
  rig.network.setVteps('gossip', [rig.near, rig.far]);
  rig.network.claims.change({ set: [claimOf(A, NEAR)], remove: [] });
  rig.network.claims.change({
    set: [claimOf(A, FAR, { addresses: [A.ipv6, B.ipv4], mobility: 1 })],
    remove: [],
  });
  t.is(placeOf(rig, A.mac), rig.far.destination);
  t.deepEqual(ownersOf(rig, A.ipv4), []);
  t.deepEqual(ownersOf(rig, A.ipv6), [A.mac]);
  t.deepEqual(ownersOf(rig, B.ipv4), [A.mac]);
});

test('change() removes before it sets, and does nothing when a MAC is no station’s', t => {
  const rig = setUp();
  rig.network.setVteps('gossip', [rig.near]);
  rig.network.claims.change({ set: [claimOf(A, NEAR)], remove: [A.mac] });
  t.is(placeOf(rig, A.mac), rig.near.destination);
  for (const mac of [0 as MacAddress, BROADCAST_MAC]) {
    t.throws(() => rig.network.claims.change({ set: [{ ...claimOf(B, NEAR), mac }], remove: [A.mac] }), {
      code: 'invalid_argument',
    });
  }
  t.deepEqual(statesOf(rig), ['used']);
});

test('a claim waits for its VTEP, goes with it, and is there again when it comes back', t => {
  const rig = setUp();
  rig.network.claims.change({ set: [claimOf(A, NEAR)], remove: [] });
  t.deepEqual(statesOf(rig), ['vtep_unknown']);
  t.deepEqual(ownersOf(rig, A.ipv4), []);
  rig.network.setVteps('gossip', [rig.near]);
  t.deepEqual(statesOf(rig), ['used']);
  rig.network.setVteps('gossip', []);
  t.deepEqual(statesOf(rig), ['vtep_unknown']);
  t.is(placeOf(rig, A.mac), undefined);
  t.deepEqual(ownersOf(rig, A.ipv4), []);
  rig.network.setVteps('gossip', [rig.near]);
  t.is(placeOf(rig, A.mac), rig.near.destination);
  t.deepEqual(ownersOf(rig, A.ipv4), [A.mac]);
});

test('a VTEP that was started anew on another port: the claim follows', t => {
  const rig = setUp();
  rig.network.setVteps('gossip', [rig.near]);
  rig.network.claims.change({ set: [claimOf(A, NEAR)], remove: [] });
  const anew = new Vtep(NEAR, 4790);
  rig.network.repointVtep(anew);
  t.is(placeOf(rig, A.mac), anew.destination);
  t.deepEqual(statesOf(rig), ['used']);
});

test('a claim of our own address, or of one that is no VTEP of the network, leads nowhere', t => {
  const rig = setUp();
  rig.network.setVteps('gossip', [rig.near]);
  rig.network.claims.change({ set: [claimOf(A, OWN), claimOf(B, FAR)], remove: [] });
  t.deepEqual(statesOf(rig), ['vtep_unknown', 'vtep_unknown']);
});

for (const order of ['the claim first', 'the attachment first']) {
  test(`a station attached here wins over a claim, until it is released: ${order}`, t => {
    const rig = setUp();
    rig.network.setVteps('gossip', [rig.near]);
    rig.network.addPort(rig.port);
    const claim = () => rig.network.claims.change({ set: [claimOf(A, NEAR)], remove: [] });
    if (order === 'the claim first') claim();
    rig.network.attach(A.mac, rig.port, [A.ipv4]);
    if (order !== 'the claim first') claim();
    t.is(placeOf(rig, A.mac), rig.port.destination);
    t.deepEqual(statesOf(rig), ['attached_here']);
    t.deepEqual(ownersOf(rig, A.ipv6), [], 'the claim’s addresses are not believed meanwhile');
    rig.network.release(A.mac);
    t.is(placeOf(rig, A.mac), rig.near.destination);
    t.deepEqual(statesOf(rig), ['used']);
    t.deepEqual(ownersOf(rig, A.ipv4), [A.mac]);
  });
}

test('the end of an attachment that never was does not undo a claim, nor a claim’s end an attachment', t => {
  const rig = setUp();
  rig.network.setVteps('gossip', [rig.near]);
  rig.network.addPort(rig.port);
  rig.network.claims.change({ set: [claimOf(A, NEAR)], remove: [] });
  rig.network.release(A.mac);
  t.deepEqual(statesOf(rig), ['used']);
  rig.network.attach(A.mac, rig.port);
  rig.network.claims.change({ set: [], remove: [A.mac] });
  t.is(placeOf(rig, A.mac), rig.port.destination);
});

test('an entry that vanished from the table is told as missing, and set again by the same claim', t => {
  const rig = setUp();
  rig.network.setVteps('gossip', [rig.near]);
  const change = { set: [claimOf(A, NEAR)], remove: [] };
  rig.network.claims.change(change);
  rig.network.table.forget(() => true);
  t.deepEqual(statesOf(rig), ['missing']);
  rig.network.claims.change(change);
  t.deepEqual(statesOf(rig), ['used']);
});

test('one address of two stations: what is attached here first, then the claim that came last', t => {
  const rig = setUp();
  rig.network.setVteps('gossip', [rig.near, rig.far]);
  const shared = { addresses: [A.ipv4] };
  const C = station(3);
  rig.network.claims.change({ set: [claimOf(A, NEAR, shared)], remove: [] });
  rig.network.claims.change({ set: [claimOf(B, FAR, shared)], remove: [] });
  t.deepEqual(ownersOf(rig, A.ipv4), [B.mac, A.mac]);
  rig.network.claims.change({ set: [claimOf(A, NEAR, shared)], remove: [] });
  t.deepEqual(ownersOf(rig, A.ipv4), [B.mac, A.mac], 'to say it again is no news');
  rig.network.attach(C.mac, rig.port, [A.ipv4]);
  t.deepEqual(ownersOf(rig, A.ipv4), [C.mac, B.mac, A.mac]);
  rig.network.claims.change({ set: [], remove: [B.mac] });
  rig.network.release(C.mac);
  t.deepEqual(ownersOf(rig, A.ipv4), [A.mac]);
});

test('an attachment can change its addresses, and they go with its port', t => {
  const rig = setUp();
  rig.network.addPort(rig.port);
  rig.port.use({ counters: {} as never, write: () => undefined, close: () => undefined });
  rig.network.attach(A.mac, rig.port, [A.ipv4]);
  rig.network.attach(A.mac, rig.port, [A.ipv6]);
  t.deepEqual(ownersOf(rig, A.ipv4), []);
  t.deepEqual(ownersOf(rig, A.ipv6), [A.mac]);
  rig.network.removePort(rig.port);
  t.deepEqual(ownersOf(rig, A.ipv6), []);
  t.is(placeOf(rig, A.mac), undefined);
});

test('how many claims there are, and how many of them are used, follows from all that changes them', t => {
  const rig = setUp();
  const { claims } = rig.network;
  const check = (what: string) => {
    const states = statesOf(rig);
    t.is(claims.size, states.length, what);
    t.is(claims.sizeUsed, states.filter(state => state === 'used').length, what);
  };
  const steps: readonly (readonly [string, () => void])[] = [
    ['nothing', () => {}],
    ['before its VTEP', () => claims.change({ set: [claimOf(A, NEAR), claimOf(B, FAR)], remove: [] })],
    ['one VTEP', () => rig.network.setVteps('gossip', [rig.near])],
    ['the same claim again', () => claims.change({ set: [claimOf(A, NEAR)], remove: [] })],
    ['both VTEPs', () => rig.network.setVteps('gossip', [rig.near, rig.far])],
    ['moved', () => claims.change({ set: [claimOf(A, FAR, { mobility: 1 })], remove: [] })],
    ['attached here', () => rig.network.attach(A.mac, rig.port, [])],
    ['released', () => rig.network.release(A.mac)],
    ['no VTEP', () => rig.network.setVteps('gossip', [])],
    ['VTEPs again', () => rig.network.setVteps('gossip', [rig.near, rig.far])],
    ['removed, one twice', () => claims.change({ set: [], remove: [A.mac, A.mac] })],
    ['all removed', () => claims.change({ set: [], remove: [B.mac] })],
  ];
  for (const [what, step] of steps) {
    step();
    check(what);
  }
  t.is(claims.sizeUsed, 0);
});
