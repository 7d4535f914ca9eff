import test from 'ava';
import { parseIp } from '../../dataplane/address.ts';
import { Space, type SpaceOptions } from './space.ts';

const counts: [SpaceOptions, bigint][] = [
  [{ prefix: '10.1.0.0/24' }, 254n],
  [{ prefix: '10.1.0.0/24', gateway: parseIp('10.1.0.1') }, 253n],
  [
    { prefix: '10.1.0.0/24', gateway: parseIp('10.1.0.1'), static: ['10.1.0.0/28', '10.1.0.200-10.1.0.209'] },
    229n,
  ],
  // RFC 3021: both addresses of a /31 are hosts.
  [{ prefix: '10.1.0.0/31' }, 2n],
  [{ prefix: '10.1.0.7/32' }, 1n],
  [{ prefix: 'fd00::/120' }, 255n],
  // RFC 6164: both addresses of a /127 are hosts.
  [{ prefix: 'fd00::/127' }, 2n],
  [{ prefix: 'fd00::/120', exclude: ['fd00::', 'fd00::80/121'] }, 127n],
];

for (const [options, expected] of counts) {
  test(`${JSON.stringify(options)} has ${expected} addresses for containers`, t => {
    const space = new Space(options);
    const all = { offset: 0n, bits: space.bits };
    t.is(space.dynamicIn(all), expected);
    let count = 0n;
    const end = 1n << BigInt(space.bits);
    for (let offset = space.nextDynamic(0n); offset < end; offset = space.nextDynamic(offset + 1n)) {
      t.is(space.useOf(offset), 'dynamic');
      t.is(space.offsetOf(space.addressOf(offset)), offset);
      count++;
    }
    t.is(count, expected);
  });
}

test('addresses of other spaces and families have no place', t => {
  const space = new Space({ prefix: '10.1.0.0/24' });
  for (const text of ['10.1.1.0', '10.0.255.255', 'fd00::1']) t.is(space.offsetOf(parseIp(text)), undefined);
});

const wrong: SpaceOptions[] = [
  { prefix: '10.1.0.0' },
  { prefix: '10.1.0.1/24' },
  { prefix: '10.1.0.0/33' },
  { prefix: '10.1.0.0/24', exclude: ['10.2.0.1'] },
  { prefix: '10.1.0.0/24', static: ['10.1.0.9-10.1.0.3'] },
  { prefix: '10.1.0.0/24', exclude: ['10.1.0.0/23'] },
  { prefix: '10.1.0.0/24', gateway: parseIp('fd00::1') },
];

for (const options of wrong) {
  test(`${JSON.stringify(options)} is refused`, t => {
    t.throws(() => new Space(options), { code: 'invalid_argument' });
  });
}
