import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test from 'ava';
import { findLink, listLinks } from './ip.ts';
import { changeLinkSteps, LinkStepError } from './link-steps.ts';

// Two namespaces for the file, named by the process so that two runs do not meet; made by root, as all of weft.
const NAMES = [`weft-steps-${process.pid}`, `weft-steps2-${process.pid}`] as const;
const [FIRST, SECOND] = NAMES.map(name => `/run/netns/${name}`) as [string, string];

test.before(() => {
  for (const name of NAMES) execFileSync('ip', ['netns', 'add', name]);
});
test.after.always(() => {
  for (const name of NAMES) if (existsSync(`/run/netns/${name}`)) execFileSync('ip', ['netns', 'del', name]);
});

function read(netns: string, setting: string): string {
  return execFileSync('nsenter', [`--net=${netns}`, 'cat', `/proc/sys/net/${setting}`], {
    encoding: 'utf8',
  }).trim();
}

/** A pair inside one namespace. */
function pair(name: string, peer = `${name}-peer`) {
  return { kind: 'add-veth', name, mtu: 1500, peer: { name: peer } } as const;
}

test('changeLinkSteps() goes from namespace to namespace, settings first', async t => {
  await changeLinkSteps([
    {
      netns: FIRST,
      changes: [
        { ...pair('one'), mtu: 1400, peer: { name: 'two', mac: '02:00:5e:10:00:02', netns: SECOND } },
      ],
    },
    {
      netns: SECOND,
      sysctls: { 'ipv4/conf/two/arp_notify': 1, 'ipv4/no_such_thing': 1 },
      changes: [
        { kind: 'add-address', dev: 'two', address: '198.18.9.1/24' },
        { kind: 'add-address', dev: 'two', address: 'fd00:9::1/64' },
        { kind: 'set', dev: 'two', mtu: 1400, gsoMaxSegs: 44, up: true },
      ],
    },
    {
      netns: FIRST,
      sysctls: { 'ipv6/conf/one/disable_ipv6': 1 },
      changes: [{ kind: 'set', dev: 'one', up: true }],
    },
  ]);
  t.is(read(SECOND, 'ipv4/conf/two/arp_notify'), '1');
  t.is(read(FIRST, 'ipv6/conf/one/disable_ipv6'), '1');
  const two = await findLink('two', SECOND);
  t.like(two, { address: '02:00:5e:10:00:02', mtu: 1400, gso_max_segs: 44 });
  t.true(two?.flags.includes('UP'));
  const addresses = two?.addr_info.map(({ local, prefixlen, scope }) => `${local}/${prefixlen} ${scope}`);
  t.deepEqual(addresses?.slice(0, 2), ['198.18.9.1/24 global', 'fd00:9::1/64 global']);
  t.like(await findLink('one', FIRST), { addr_info: [], mtu: 1400 }, 'it was up only after the setting');
});

test('changeLinkSteps() moves and renames', async t => {
  await changeLinkSteps([
    { netns: FIRST, changes: [pair('mover'), { kind: 'set', dev: 'mover', netns: SECOND }] },
    { netns: SECOND, changes: [{ kind: 'set', dev: 'mover', rename: 'moved' }] },
  ]);
  t.is(await findLink('mover', FIRST), undefined);
  t.not(await findLink('moved', SECOND), undefined);
});

test('changeLinkSteps() in our own namespace: a step without netns', async t => {
  const before = await listLinks();
  const error = await t.throwsAsync(
    changeLinkSteps([
      {
        changes: [
          { kind: 'set', dev: 'lo' },
          { kind: 'set', dev: 'no-such', up: true },
        ],
      },
    ]),
    {
      instanceOf: LinkStepError,
      message: /^ip link set dev no-such up: there is no link "no-such": /,
    },
  );
  t.is(error?.code, 'not_found');
  t.deepEqual(
    (await listLinks()).map(link => link.ifname),
    before.map(link => link.ifname),
  );
});

test('changeLinkSteps() stops at the first refusal and says which step, which change and why', async t => {
  const error = await t.throwsAsync(
    changeLinkSteps([
      { netns: FIRST, changes: [pair('dup')] },
      {
        netns: FIRST,
        sysctls: { 'ipv4/conf/dup/arp_notify': 1 },
        changes: [
          { kind: 'set', dev: 'dup', up: true },
          pair('dup', 'other'),
          { kind: 'delete', dev: 'dup' },
        ],
      },
      { netns: FIRST, changes: [{ kind: 'delete', dev: 'dup' }] },
    ]),
    {
      instanceOf: LinkStepError,
      message: /^ip link add name dup mtu 1500 type veth peer name other: .*EEXIST/,
    },
  );
  t.is(error?.step, 1);
  t.is(error?.code, 'conflict');
  t.not(await findLink('dup', FIRST), undefined, 'nothing after the refusal was carried out');
});

test("changeLinkSteps() gives the kernel's own words", async t => {
  await t.throwsAsync(
    changeLinkSteps([
      { netns: FIRST, changes: [pair('words'), { kind: 'set', dev: 'words', mac: 'ff:ff:ff:ff:ff:ff' }] },
    ]),
    { instanceOf: LinkStepError, code: 'system', message: /address ff:ff:ff:ff:ff:ff: .*\(EADDRNOTAVAIL\)$/ },
  );
  await t.throwsAsync(
    changeLinkSteps([{ netns: FIRST, changes: [{ kind: 'set', dev: 'words', mtu: 1_000_000 }] }]),
    { message: /^ip link set dev words mtu 1000000: mtu greater than device maximum \(EINVAL\)$/ },
  );
});

test('changeLinkSteps() stops at a setting that is refused', async t => {
  const error = await t.throwsAsync(
    changeLinkSteps([{ netns: FIRST, sysctls: { 'ipv4/ip_default_ttl': -1 }, changes: [pair('late')] }]),
    { instanceOf: LinkStepError, message: /^cannot set the sysctl ipv4\/ip_default_ttl: .*EINVAL/ },
  );
  t.is(error?.step, 0);
  t.is(await findLink('late', FIRST), undefined);
});

test('changeLinkSteps() takes a name as a name', async t => {
  const marker = `${tmpdir()}/weft-injected-${process.pid}`;
  const hostile = `$(touch ${marker})\`touch ${marker}\`"; touch ${marker}; "`;
  const error = await t.throwsAsync(
    changeLinkSteps([
      { netns: FIRST, changes: [] },
      { netns: FIRST, changes: [{ kind: 'set', dev: hostile, up: true }] },
    ]),
    { instanceOf: LinkStepError },
  );
  t.is(error?.step, 1);
  await t.throwsAsync(changeLinkSteps([{ netns: `/run/netns/${hostile}`, changes: [pair('nowhere')] }]));
  t.false(existsSync(marker));
  await t.throwsAsync(
    changeLinkSteps([{ netns: FIRST, sysctls: { '../kernel/hostname': 1 }, changes: [pair('out')] }]),
    { instanceOf: LinkStepError },
  );
  t.is(await findLink('out', FIRST), undefined);
});

test('changeLinkSteps() into a namespace that is gone is an error of its step', async t => {
  const error = await t.throwsAsync(
    changeLinkSteps([
      { changes: [{ kind: 'set', dev: 'lo' }] },
      { netns: '/run/netns/weft-no-such', changes: [pair('nowhere')] },
    ]),
    { instanceOf: LinkStepError, code: 'system', message: /^cannot begin "ip link add .*weft-no-such/ },
  );
  t.is(error?.step, 1);
  const peer = await t.throwsAsync(
    changeLinkSteps([
      {
        netns: FIRST,
        changes: [{ ...pair('lonely'), peer: { name: 'p', netns: '/run/netns/weft-no-such' } }],
      },
    ]),
    {
      instanceOf: LinkStepError,
      message: /: cannot open network namespace \/run\/netns\/weft-no-such: .*ENOENT/,
    },
  );
  t.is(peer?.step, 0);
  t.is(await findLink('lonely', FIRST), undefined);
});
