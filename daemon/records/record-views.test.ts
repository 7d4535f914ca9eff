import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { BLUE, claimView, MAC } from '../testing/claims.ts';
import { claimBy, countClaims, localEndpoint, NO_RECORDS, remoteEndpoints } from './record-views.ts';

const WEB: Endpoint = {
  network: 'blue',
  vni: 42,
  attach: 'bridge',
  netns: { name: 'web', path: '/run/netns/web', inode: 7 },
  ifname: 'eth0',
  mac: '02:00:5e:10:00:03',
  addresses: ['198.18.0.3/24'],
  mtu: 1450,
  names: ['web'],
  hostLink: 'wv0123456789ab',
  pending: false,
};

const REPORT = {
  network: 'blue',
  vni: 42,
  where: 'local',
  owner: 'vm-a',
  vtep: null,
  netns: 'web',
  ifname: 'eth0',
  mac: '02:00:5e:10:00:03',
  addresses: ['198.18.0.3/24'],
  mtu: 1450,
  attach: 'bridge',
  ports: [],
  bandwidth: null,
  names: ['web'],
  resolver: 'serving',
} as const;

test('localEndpoint: what was announced of it is told', t => {
  const clock = new ManualClock();
  clock.advance(1000);
  const ours = { origin: 'vm-a', vtep: '192.0.2.1', mobility: 4, frozen: true, containerId: 'web' };
  const claim = claimBy('vm-a', claimView([ours], { clock }).explain(BLUE, MAC));
  t.deepEqual(
    localEndpoint(WEB, {
      owner: 'vm-a',
      claim,
      attachedMs: 1,
      isSuspended: false,
      resolver: 'serving',
      now: 3500,
    }),
    {
      ...REPORT,
      age_s: 2.5,
      mobility: 4,
      frozen: true,
      sticky: false,
      suspended: false,
      container: 'web',
    },
  );
});

test('localEndpoint: without an announcement it is known since the dataplane has it', t => {
  const facts = {
    owner: 'vm-a',
    claim: undefined,
    isSuspended: true,
    resolver: 'serving',
    now: 3500,
  } as const;
  const unknown = { mobility: null, frozen: false, sticky: false, suspended: true, container: null };
  t.deepEqual(localEndpoint(WEB, { ...facts, attachedMs: 300 }), { ...REPORT, age_s: 0.3, ...unknown });
  t.deepEqual(localEndpoint(WEB, { ...facts, attachedMs: undefined }), {
    ...REPORT,
    age_s: null,
    ...unknown,
  });
});

test('claimBy: what was taken back is no claim', t => {
  const explanation = claimView([
    { origin: 'vm-a', vtep: '192.0.2.1', isDeleted: true },
    { origin: 'vm-b', vtep: '192.0.2.2', isHidden: true },
  ]).explain(BLUE, MAC);
  t.is(claimBy('vm-a', explanation), undefined);
  t.is(claimBy('vm-b', explanation)?.origin, 'vm-b', 'it is not there, but has not taken it back');
  t.is(claimBy('vm-c', explanation), undefined);
});

test('remoteEndpoints: the owner of each address, by node and address, without our own', t => {
  const clock = new ManualClock();
  const view = claimView(
    [
      { origin: 'vm-c', vtep: '192.0.2.3', mac: '02:00:5e:10:00:05' },
      { origin: 'vm-b', vtep: '192.0.2.2', mac: '02:00:5e:10:00:07' },
      { origin: 'vm-b', vtep: '192.0.2.2', ips: ['198.18.0.3', '2001:db8:1::3'], mobility: 2 },
      // Outranked, not there, and ours: three that are not of others.
      { origin: 'vm-c', vtep: '192.0.2.3', mobility: 1 },
      { origin: 'vm-d', vtep: '192.0.2.4', mac: '02:00:5e:10:00:08', isHidden: true },
      { origin: 'vm-a', vtep: '192.0.2.1', mac: '02:00:5e:10:00:09' },
    ],
    { clock },
  );
  clock.advance(12_340);
  const rows = remoteEndpoints({ name: 'blue', self: 'vm-a' }, view.owners(BLUE), clock.now());
  t.deepEqual(
    rows.map(({ owner, mac }) => [owner, mac]),
    [
      ['vm-b', '02:00:5e:10:00:03'],
      ['vm-b', '02:00:5e:10:00:07'],
      ['vm-c', '02:00:5e:10:00:05'],
    ],
  );
  t.deepEqual(rows[0], {
    network: 'blue',
    vni: 42,
    where: 'remote',
    owner: 'vm-b',
    vtep: '192.0.2.2',
    netns: null,
    ifname: 'eth0',
    mac: '02:00:5e:10:00:03',
    addresses: ['198.18.0.3', '2001:db8:1::3'],
    mtu: null,
    attach: null,
    ports: [],
    bandwidth: null,
    age_s: 12.3,
    mobility: 2,
    frozen: false,
    sticky: false,
    suspended: false,
    container: null,
    names: [],
    resolver: null,
  });
});

test('countClaims: what is used, and what waits', t => {
  const states = ['used', 'used', 'attached_here', 'vtep_unknown', 'missing'] as const;
  const installed = states.map(state => ({ state }));
  t.deepEqual(countClaims(installed, 5), { installed: 2, waiting: 2 });
  t.deepEqual(countClaims(installed, 7), { installed: 2, waiting: 4 }, 'two were not told yet');
  t.deepEqual(countClaims(installed, 2), { installed: 2, waiting: 0 }, 'some are about to go');
  t.deepEqual(countClaims([], 0), { installed: 0, waiting: 0 });
});

test('a node without records knows of no claims', async t => {
  t.deepEqual([...NO_RECORDS.owners(BLUE)], []);
  t.deepEqual(NO_RECORDS.explain(BLUE, MAC), { claims: [], moves: 0 });
  t.false(NO_RECORDS.release(BLUE, MAC));
  t.like(await NO_RECORDS.report(), { installed: 0, waiting: 0, usable_ms: { count: 0, p50: null } });
});
