import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import test from 'ava';
import { addConnectedRoutes, connectedRoute } from './connected-routes.ts';

const NETNS = `weft-connected-${process.pid}`;
const PATH = `/run/netns/${NETNS}`;
const ADDRESSES = ['198.18.0.5/24', '2001:db8::5/64', '198.18.9.1/32', '2001:db8:9::1/128'];

function ip(...words: readonly string[]): string {
  return execFileSync('ip', ['-n', NETNS, ...words], { encoding: 'utf8' });
}

function routes(): readonly string[] {
  const lines = `${ip('-4', 'route')}\n${ip('-6', 'route')}`.split('\n').map(line => line.trim());
  return lines.filter(line => line !== '' && !line.startsWith('fe80:')).toSorted();
}

test.before(() => {
  execFileSync('ip', ['netns', 'add', NETNS]);
  ip('link', 'add', 'br0', 'type', 'bridge');
  ip('link', 'set', 'br0', 'up');
  for (const address of ADDRESSES) ip('addr', 'add', address, 'dev', 'br0', 'nodad');
});
test.after.always(() => {
  if (existsSync(PATH)) execFileSync('ip', ['netns', 'del', NETNS]);
});

test('an address for itself has no route to others', t => {
  t.is(connectedRoute('br0', '198.18.9.1/32'), undefined);
  t.is(connectedRoute('br0', '2001:db8:9::1/128'), undefined);
});

test.serial('those that are missing are made as the kernel made them', async t => {
  const before = routes();
  t.is(await addConnectedRoutes('br0', ADDRESSES, PATH), 0);
  ip('route', 'del', '198.18.0.0/24', 'dev', 'br0');
  ip('-6', 'route', 'del', '2001:db8::/64', 'dev', 'br0');
  t.is(await addConnectedRoutes('br0', ADDRESSES, PATH), 2);
  t.deepEqual(routes(), before);
});

test.serial('they go with their address, and come but once with it', async t => {
  ip('route', 'del', '198.18.0.0/24', 'dev', 'br0');
  await addConnectedRoutes('br0', ADDRESSES, PATH);
  ip('addr', 'del', '198.18.0.5/24', 'dev', 'br0');
  const isThere = () => routes().filter(route => route.startsWith('198.18.0.0/24')).length;
  t.is(isThere(), 0);
  t.is(await addConnectedRoutes('br0', ADDRESSES, PATH), 0, 'not without its address');
  ip('addr', 'add', '198.18.0.5/24', 'dev', 'br0');
  t.is(await addConnectedRoutes('br0', ADDRESSES, PATH), 0);
  t.is(isThere(), 1);
});

test.serial('what is refused otherwise is told', async t => {
  await t.throwsAsync(addConnectedRoutes('none', ['198.18.0.5/24'], PATH), { code: 'not_found' });
});
