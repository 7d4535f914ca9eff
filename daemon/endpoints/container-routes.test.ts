import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import test from 'ava';
import { addRoutes, brokenRoutes, whatIsWrong } from './container-routes.ts';

const NETNS = `weft-routes-${process.pid}`;
const PATH = `/run/netns/${NETNS}`;
const ENDPOINT = {
  ifname: 'eth0',
  netns: { name: NETNS, path: PATH, inode: 1 },
  addresses: ['198.18.0.5/24', '2001:db8::5/64'],
};

function ip(...args: string[]): string {
  return execFileSync('ip', ['-n', NETNS, ...args], { encoding: 'utf8' });
}

test.before(() => {
  execFileSync('ip', ['netns', 'add', NETNS]);
  ip('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'other');
  for (const address of ENDPOINT.addresses) ip('addr', 'add', address, 'dev', 'eth0');
  for (const link of ['eth0', 'other']) ip('link', 'set', link, 'up');
});

test.after.always(() => {
  if (existsSync(PATH)) execFileSync('ip', ['netns', 'del', NETNS]);
});

test.serial('addRoutes() has the kernel take all that a route can say', async t => {
  const routes = [
    { dst: '0.0.0.0/0', gateway: '198.18.0.1' },
    { dst: '::/0', gateway: '2001:db8::1', priority: 7 },
    { dst: '10.1.0.0/16' },
    // Behind the one before it.
    { dst: '10.2.0.0/16', gateway: '10.1.0.9', mtu: 1300, advmss: 1200, priority: 50, table: 1000, scope: 0 },
    { dst: '10.3.0.1/32', gateway: '198.18.0.2' },
    { dst: '2001:db8:1::/48', mtu: 1300 },
  ];
  // A gateway must be on the link by the table of the route too.
  const asked = routes.map(route => (route.table === 1000 ? { ...route, gateway: '198.18.0.9' } : route));
  await addRoutes({ ...ENDPOINT, routes: asked });
  t.deepEqual(await brokenRoutes({ ...ENDPOINT, routes: asked }, PATH), []);
  t.regex(
    ip('route', 'show', 'table', '1000'),
    /10\.2\.0\.0\/16 via 198\.18\.0\.9 .* metric 50 mtu 1300 advmss 1200/,
  );
  // The same again, and one that the kernel has made: what is there stays.
  await addRoutes({ ...ENDPOINT, routes: [...asked, { dst: '198.18.0.0/24' }] });
  ip('route', 'del', '10.1.0.0/16');
  ip('route', 'replace', '10.3.0.1', 'via', '198.18.0.3');
  t.deepEqual(await brokenRoutes({ ...ENDPOINT, routes: asked }, PATH), [
    'has no route to 10.1.0.0/16',
    'has a route to 10.3.0.1/32 via 198.18.0.3, not via 198.18.0.2',
  ]);
});

for (const [route, message, code] of [
  [
    { dst: '10.9.0.0/16', gateway: '192.0.2.1' },
    'the gateway 192.0.2.1 of the route to 10.9.0.0/16 cannot be reached: eth0 has 198.18.0.5/24, 2001:db8::5/64',
    'invalid_argument',
  ],
  [
    { dst: '2001:db8:9::/48', gateway: '2001:db8:8::1' },
    'the gateway 2001:db8:8::1 of the route to 2001:db8:9::/48 cannot be reached: eth0 has 198.18.0.5/24, 2001:db8::5/64',
    'invalid_argument',
  ],
  [
    { dst: '2001:db8:9::/48', gateway: '2001:db8::5' },
    /^ip route add 2001:db8:9::\/48 via 2001:db8::5 dev eth0 proto static: Gateway can not be a local address/,
    'invalid_argument',
  ],
] as const) {
  test.serial(`addRoutes() does not take ${JSON.stringify(route)}`, async t => {
    await t.throwsAsync(addRoutes({ ...ENDPOINT, routes: [route] }), { code, message });
  });
}

test('whatIsWrong() leaves alone what others have put in the place of a route', t => {
  const route = { dst: '0.0.0.0/0', gateway: '198.18.0.1' };
  const present = { dst: 'default', gateway: '198.18.0.1', dev: 'eth0', table: '254', protocol: '4' };
  t.is(whatIsWrong(route, 'eth0', [present]), undefined);
  t.is(whatIsWrong(route, 'eth0', [{ ...present, dev: 'net1', gateway: '192.0.2.1' }]), undefined);
  t.regex(
    whatIsWrong(route, 'eth0', [{ ...present, gateway: '198.18.0.2' }]) ?? '',
    /not via 198\.18\.0\.1$/,
  );
  t.regex(whatIsWrong(route, 'eth0', [{ ...present, table: '100' }]) ?? '', /^has no route/);
  t.regex(whatIsWrong({ ...route, priority: 5 }, 'eth0', [present]) ?? '', /^has no route/);
  t.is(
    whatIsWrong({ dst: '198.18.0.0/24', gateway: '198.18.0.1' }, 'eth0', [
      { dst: '198.18.0.0/24', dev: 'eth0', table: '254', protocol: '2' },
    ]),
    undefined,
  );
});
