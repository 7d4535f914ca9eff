import test from 'ava';
import type { PlacedClaim } from '../../control/records/claim.ts';
import { ClaimView } from '../../control/records/claim-view.ts';
import type { RecordEvent } from '../../control/records/events.ts';
import {
  encodeEndpoint,
  encodeGone,
  encodeVtep,
  macKey,
  NO_KEY,
  RECORD_KIND,
  recordId,
} from '../../control/records/record.ts';
import { type IpAddress, type MacAddress, parseIp, parseMac, parseVni } from '../../dataplane/address.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { NameIndex, RecordDirectory } from './name-index.ts';

const BLUE = parseVni(42);
const [ONE, TWO] = ['02:00:5e:10:00:01', '02:00:5e:10:00:02'].map(parseMac) as [MacAddress, MacAddress];

function claim(mac: MacAddress, ips: readonly string[], names?: readonly string[]): PlacedClaim {
  const vtep = { address: parseIp('192.0.2.2'), port: 4789 };
  const rest = {
    interface: 'eth0',
    containerId: 'c',
    mobility: 0,
    sticky: false,
    frozen: false,
    deleted: false,
  };
  return { vni: BLUE, mac, origin: 'vm-b', since: 0, vtep, ...rest, ips: ips.map(parseIp), names };
}

function won(given: PlacedClaim): RecordEvent {
  return { type: 'claimWon', vni: BLUE, subject: { mac: given.mac }, claim: given, reason: 'announced' };
}

function changed(previous: PlacedClaim, given: PlacedClaim): RecordEvent {
  return {
    type: 'claimChanged',
    vni: BLUE,
    subject: { mac: given.mac },
    claim: given,
    previous,
    reason: 'announced',
  };
}

function withdrawn(previous: PlacedClaim): RecordEvent {
  return { type: 'claimWithdrawn', vni: BLUE, subject: { mac: previous.mac }, previous, reason: 'withdrawn' };
}

function rig() {
  const index = new NameIndex();
  const owners = new Map<IpAddress, PlacedClaim>();
  const directory = new RecordDirectory({ index, records: { ownerOfIp: (_, ip) => owners.get(ip) } });
  return { index, owners, addresses: (name: string) => directory.addressesOf(BLUE, name), directory };
}

test('a name has the addresses of all that have it, until the last is gone', t => {
  const { index, owners, addresses } = rig();
  const first = claim(ONE, ['198.18.0.1'], ['web', 'web-1']);
  const second = claim(TWO, ['198.18.0.2', '2001:db8::2'], ['web']);
  for (const one of [first, second]) {
    index.onEvent(won(one));
    for (const ip of one.ips) owners.set(ip, one);
  }
  t.deepEqual(addresses('web'), ['198.18.0.1', '198.18.0.2', '2001:db8::2'] as IpAddress[]);
  t.deepEqual(addresses('web-1'), ['198.18.0.1'] as IpAddress[]);
  index.onEvent(withdrawn(first));
  t.deepEqual(addresses('web'), ['198.18.0.2', '2001:db8::2'] as IpAddress[]);
  t.is(addresses('web-1'), undefined);
  index.onEvent(changed(second, claim(TWO, ['198.18.0.2'], ['db'])));
  t.is(addresses('web'), undefined);
  t.deepEqual(addresses('db'), ['198.18.0.2'] as IpAddress[]);
});

test('an address that another container has by now is not that of the name any more', t => {
  const { index, owners, addresses } = rig();
  index.onEvent(won(claim(ONE, ['198.18.0.1'], ['web'])));
  owners.set(parseIp('198.18.0.1'), claim(TWO, ['198.18.0.1']));
  t.deepEqual(addresses('web'), []);
});

test('what another node says is believed to be a name only if it is one', t => {
  const { index, owners, addresses, directory } = rig();
  const strange = ['', 'Web', 'a.b', '-', 'a'.repeat(64), '\u001b[31m', '__proto__', 'ok'];
  const given = claim(ONE, ['198.18.0.1'], strange);
  index.onEvent(won(given));
  owners.set(parseIp('198.18.0.1'), given);
  t.deepEqual(
    strange.filter(name => addresses(name) !== undefined),
    ['__proto__', 'ok'],
  );
  t.is(directory.nameOf(BLUE, parseIp('198.18.0.1')), '__proto__');
  t.is(directory.nameOf(BLUE, parseIp('198.18.0.9')), undefined);
});

test('names of a node that is not there are hidden with its claims, and come back with it', t => {
  const index = new NameIndex();
  const hidden = new Set<string>();
  const view = new ClaimView(
    { clock: new ManualClock() },
    { self: 'vm-a', isShown: (_, origin) => !hidden.has(origin), onEvent: event => index.onEvent(event) },
  );
  const tell = (seq: number, kind: number, key: Uint8Array, body: Uint8Array, deleted = false) => {
    const record = { seq, kind, key, body, deleted };
    view.update(BLUE, 'vm-b', recordId(record), record);
  };
  const endpoint = claim(ONE, ['198.18.0.1'], ['web']);
  tell(1, RECORD_KIND.vtep, NO_KEY, encodeVtep(endpoint.vtep));
  tell(2, RECORD_KIND.endpoint, macKey(ONE), encodeEndpoint(endpoint));
  t.is(index.claimsOf(BLUE, 'web')?.size, 1);
  // A new version with another name, and nothing else that is new.
  tell(3, RECORD_KIND.endpoint, macKey(ONE), encodeEndpoint({ ...endpoint, names: ['db'] }));
  t.deepEqual([index.claimsOf(BLUE, 'web'), index.claimsOf(BLUE, 'db')?.size], [undefined, 1]);
  hidden.add('vm-b');
  view.refresh(BLUE, 'vm-b', 'originDead');
  t.is(index.claimsOf(BLUE, 'db'), undefined);
  hidden.clear();
  view.refresh(BLUE, 'vm-b', 'originReturned');
  t.is(index.claimsOf(BLUE, 'db')?.size, 1);
  tell(4, RECORD_KIND.endpoint, macKey(ONE), encodeGone(0), true);
  t.is(index.claimsOf(BLUE, 'db'), undefined);
});

test('news of IP addresses, and all other news, change nothing', t => {
  const { index, addresses } = rig();
  const given = claim(ONE, ['198.18.0.1'], ['web']);
  index.onEvent({ ...won(given), subject: { ip: parseIp('198.18.0.1') } } as RecordEvent);
  index.onEvent({ type: 'epochRaised' });
  t.is(addresses('web'), undefined);
});
