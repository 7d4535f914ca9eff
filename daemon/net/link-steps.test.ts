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

test('changeLinkSteps() goes from namespace to namespace, settings first', async t => {
  await changeLinkSteps([
    { netns: FIRST, lines: [`link add name one type veth peer name two netns ${SECOND}`] },
    {
      netns: SECOND,
      sysctls: { 'ipv4/conf/two/arp_notify': 1, 'ipv4/no_such_thing': 1 },
      lines: ['addr add 198.18.9.1/24 dev two', 'link set dev two up'],
    },
    { netns: FIRST, sysctls: { 'ipv6/conf/one/disable_ipv6': 1 }, lines: ['link set dev one up'] },
  ]);
  t.is(read(SECOND, 'ipv4/conf/two/arp_notify'), '1');
  t.is(read(FIRST, 'ipv6/conf/one/disable_ipv6'), '1');
  t.is((await findLink('two', SECOND))?.addr_info[0]?.local, '198.18.9.1');
  t.deepEqual((await findLink('one', FIRST))?.addr_info, [], 'it was up only after the setting');
});

test('changeLinkSteps() in our own namespace: a step without netns', async t => {
  const before = await listLinks();
  const error = await t.throwsAsync(
    changeLinkSteps([{ lines: ['link show dev lo', 'link set dev no-such up'] }]),
    {
      instanceOf: LinkStepError,
      message: /^ip link set dev no-such up: /,
    },
  );
  t.is(error?.code, 'not_found');
  t.deepEqual(
    (await listLinks()).map(link => link.ifname),
    before.map(link => link.ifname),
  );
});

test('changeLinkSteps() stops at the first refusal and says which step, which line and why', async t => {
  const error = await t.throwsAsync(
    changeLinkSteps([
      { netns: FIRST, lines: ['link add name dup type bridge'] },
      { netns: FIRST, lines: ['link set dev dup up', 'link add name dup type bridge', 'link del dev dup'] },
      { netns: FIRST, lines: ['link del dev dup'] },
    ]),
    {
      instanceOf: LinkStepError,
      message: /^ip link add name dup type bridge: .*(File exists|already exists)/,
    },
  );
  t.is(error?.step, 1);
  t.is(error?.code, 'conflict');
  t.not(await findLink('dup', FIRST), undefined, 'nothing after the refusal was carried out');
});

test('changeLinkSteps() stops at a setting that is refused', async t => {
  const error = await t.throwsAsync(
    changeLinkSteps([
      { netns: FIRST, sysctls: { 'ipv4/ip_default_ttl': -1 }, lines: ['link add name late type bridge'] },
    ]),
    { instanceOf: LinkStepError, message: /^cannot begin "ip link add name late type bridge": / },
  );
  t.is(error?.step, 0);
  t.is(await findLink('late', FIRST), undefined);
});

test('changeLinkSteps() takes a name as a name, never as a script', async t => {
  const marker = `${tmpdir()}/weft-injected-${process.pid}`;
  const hostile = `$(touch ${marker})\`touch ${marker}\`"; touch ${marker}; "`;
  await t.throwsAsync(
    changeLinkSteps([
      {
        sysctls: { [`ipv4/conf/${hostile}/arp_notify`]: 1 },
        lines: [`link show dev lo`, `link set dev ${hostile} up`],
      },
    ]),
  );
  await t.throwsAsync(changeLinkSteps([{ netns: `/run/netns/${hostile}`, lines: ['link show dev lo'] }]));
  t.false(existsSync(marker));
});

test('changeLinkSteps() into a namespace that is gone is an error of its step', async t => {
  const error = await t.throwsAsync(
    changeLinkSteps([
      { lines: ['link show dev lo'] },
      { netns: '/run/netns/weft-no-such', lines: ['link show'] },
    ]),
    { instanceOf: LinkStepError, message: /weft-no-such/ },
  );
  t.is(error?.step, 1);
});
