import test from 'ava';
import {
  type IpAddress,
  type MacAddress,
  parseIp,
  parseMac,
  parseVni,
  type VtepAddress,
} from '../../dataplane/address.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import type { ClaimSource, UsedClaim } from './reconciler.ts';
import { type RememberedCarrier, RememberedClaims } from './remembered-claims.ts';

const BLUE = parseVni(42);
const GREEN = parseVni(43);
const [ONE, TWO, THREE] = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03'].map(parseMac) as [
  MacAddress,
  MacAddress,
  MacAddress,
];
const IP = parseIp('198.18.0.1');

function vtep(host: number) {
  return { address: parseIp(`192.0.2.${host}`) as VtepAddress, port: 4789 };
}

function carrier(origin: string, host: number, macs: readonly MacAddress[], vni = BLUE): RememberedCarrier {
  const claims = macs.map(mac => ({ mac, ips: mac === ONE ? [IP] : [], mobility: 3 }));
  return { vni, origin, vtep: vtep(host), tells: true, claims };
}

/** A record log in which a test has claims. */
class Known implements ClaimSource {
  readonly claims: UsedClaim[] = [];

  owner(vni: number, mac: MacAddress): UsedClaim | undefined {
    return this.claims.find(claim => claim.vni === vni && claim.mac === mac);
  }

  owners(vni: number): readonly UsedClaim[] {
    return this.claims.filter(claim => claim.vni === vni);
  }

  ownerOfIp(vni: number, ip: IpAddress): UsedClaim | undefined {
    return this.claims.find(claim => claim.vni === vni && claim.ips.includes(ip));
  }
}

function setUp(...carriers: readonly RememberedCarrier[]) {
  const clock = new ManualClock();
  const records = new Known();
  const forgotten: string[] = [];
  const claims = new RememberedClaims(
    { clock, records },
    { carriers, onForgotten: (vni, macs) => forgotten.push(`${vni} ${macs.join(' ')}`) },
  );
  claims.start();
  const owners = (vni = BLUE) => [...claims.owners(vni)].map(({ origin, mac }) => [origin, mac]);
  return { clock, records, claims, forgotten, owners };
}

test('what is remembered is claimed, as it was', t => {
  const { claims, owners } = setUp(carrier('b', 2, [ONE, TWO]), carrier('c', 3, [THREE], GREEN));
  t.deepEqual(claims.owner(BLUE, ONE), {
    vni: BLUE,
    mac: ONE,
    origin: 'b',
    ips: [IP],
    mobility: 3,
    vtep: vtep(2),
  });
  t.is(claims.ownerOfIp(BLUE, IP)?.mac, ONE);
  t.is(claims.owner(BLUE, THREE), undefined);
  t.is(claims.ownerOfIp(GREEN, IP), undefined);
  t.deepEqual(owners(), [
    ['b', ONE],
    ['b', TWO],
  ]);
  t.deepEqual(owners(GREEN), [['c', THREE]]);
});

test('what is known is right, and is told once', t => {
  const { claims, owners, records } = setUp(carrier('b', 2, [ONE, TWO]));
  records.claims.push({ vni: BLUE, mac: ONE, origin: 'c', ips: [], mobility: 4, vtep: vtep(3) });
  t.is(claims.owner(BLUE, ONE)?.origin, 'c');
  t.deepEqual(owners(), [
    ['c', ONE],
    ['b', TWO],
  ]);
  records.claims.push({ vni: BLUE, mac: THREE, origin: 'c', ips: [IP], mobility: 0, vtep: vtep(3) });
  t.is(claims.ownerOfIp(BLUE, IP)?.mac, THREE);
});

test('an origin that tells again, is dead or has left is remembered no longer', t => {
  const { claims, forgotten, owners } = setUp(
    carrier('b', 2, [ONE]),
    carrier('b', 2, [THREE], GREEN),
    carrier('c', 3, [TWO]),
  );
  claims.originTells(BLUE, 'b');
  t.deepEqual(owners(), [['c', TWO]]);
  t.deepEqual(owners(GREEN), [['b', THREE]]);
  claims.originGone('b');
  claims.originGone('nobody');
  t.deepEqual(owners(GREEN), []);
  claims.originGone('c');
  t.deepEqual(forgotten, [`${BLUE} ${ONE}`, `${GREEN} ${THREE}`, `${BLUE} ${TWO}`]);
  t.deepEqual(claims.carriers, []);
});

test('whoever is not heard of for 15 s is remembered no longer', t => {
  const { claims, clock, forgotten, owners } = setUp(carrier('b', 2, [ONE]), carrier('c', 3, []));
  clock.advance(14_999);
  t.is(owners().length, 1);
  clock.advance(1);
  t.deepEqual(owners(), []);
  t.deepEqual(forgotten, [`${BLUE} ${ONE}`, `${BLUE} `]);
  t.is(clock.wakeUps, 1);
  claims.stop();
});

test('VTEPs that have not been heard of yet stay in the network', t => {
  const { claims } = setUp(carrier('b', 2, [ONE]), carrier('c', 3, [TWO]), carrier('d', 4, [], GREEN));
  const known = { ...vtep(2), tells: false };
  t.deepEqual(claims.withRemembered(BLUE, [known]), [known, { ...vtep(3), tells: true }]);
  claims.originGone('c');
  t.deepEqual(claims.withRemembered(BLUE, [known]), [known]);
});
