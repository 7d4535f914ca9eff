import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import test from 'ava';
import { addMissingAddress } from './addresses.ts';

const NETNS = `weft-addresses-${process.pid}`;
const PATH = `/run/netns/${NETNS}`;

function ip(...words: readonly string[]): string {
  return execFileSync('ip', ['-n', NETNS, ...words], { encoding: 'utf8' });
}

test.before(() => {
  execFileSync('ip', ['netns', 'add', NETNS]);
  ip('link', 'add', 'br0', 'type', 'bridge');
  ip('link', 'set', 'br0', 'up');
});
test.after.always(() => {
  if (existsSync(PATH)) execFileSync('ip', ['netns', 'del', NETNS]);
});

for (const address of ['198.18.0.1/24', '2001:db8:18::1/64']) {
  test.serial(`${address} is added where it is missing, and only there`, async t => {
    const has = () => ip('-o', 'address', 'show', 'dev', 'br0').includes(` ${address} `);
    t.true(await addMissingAddress('br0', address, PATH));
    t.true(has());
    t.false(await addMissingAddress('br0', address, PATH));
    ip('address', 'del', address, 'dev', 'br0');
    t.true(await addMissingAddress('br0', address, PATH));
    t.true(has());
    await t.throwsAsync(addMissingAddress('none', address, PATH), { code: 'not_found' });
  });
}
