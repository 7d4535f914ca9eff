import { execFileSync } from 'node:child_process';
import test from 'ava';
import { netnsPath } from '../lab/names.ts';
import { isRedirected, redirectIngress } from './redirect.ts';
import { hasTokenBucket, setTokenBucket } from './token-bucket.ts';

const NETNS = `weft-tbf-${process.pid}`;
const PATH = netnsPath(NETNS);

function ip(...args: readonly string[]): void {
  execFileSync('ip', ['-n', NETNS, ...args]);
}

test.before(() => {
  execFileSync('ip', ['netns', 'add', NETNS]);
  ip('link', 'add', 'one', 'type', 'veth', 'peer', 'other');
});
test.after.always(() => {
  execFileSync('ip', ['netns', 'del', NETNS]);
});

test.serial('a rate is set, set again, changed, and missed when it is gone', async t => {
  t.false(await hasTokenBucket('one', 50e6, PATH));
  for (const rate of [50e6, 50e6, 1234567, 1000, 1e15]) {
    await setTokenBucket('one', { rate, burst: 2 ** 32 - 1, limit: 2 ** 32 - 1 }, PATH);
    t.true(await hasTokenBucket('one', rate, PATH), String(rate));
    t.false(await hasTokenBucket('one', rate + 8, PATH));
  }
  execFileSync('tc', ['-n', NETNS, 'qdisc', 'del', 'dev', 'one', 'root']);
  t.false(await hasTokenBucket('one', 1e15, PATH));
  await t.throwsAsync(setTokenBucket('gone', { rate: 1e6, burst: 2000, limit: 2000 }, PATH), {
    code: 'system',
    message: /^cannot limit gone to 1000000 bit\/s: /,
  });
});

test.serial('a redirection is made again after its device has gone', async t => {
  for (let round = 0; round < 2; round++) {
    t.false(await isRedirected('one', 'detour', PATH));
    ip('link', 'add', 'detour', 'type', 'ifb');
    for (let again = 0; again < 2; again++) await redirectIngress('one', 'detour', PATH);
    t.true(await isRedirected('one', 'detour', PATH));
    ip('link', 'del', 'detour');
  }
});
