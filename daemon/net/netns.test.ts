import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import test from 'ava';
import { changeLinks, findLink, listLinks, ownLinkNames } from './ip.ts';
import { netnsInode, resolveNetns } from './netns.ts';

// One namespace for the file, named by the process so that two runs do not meet; made by root, as all of weft.
const NAME = `weft-test-${process.pid}`;
const PATH = `/run/netns/${NAME}`;

test.before(() => execFileSync('ip', ['netns', 'add', NAME]));
test.after.always(() => {
  if (existsSync(PATH)) execFileSync('ip', ['netns', 'del', NAME]);
});

test('resolveNetns() finds a namespace by name and by path, as the same one', async t => {
  const byName = await resolveNetns(NAME);
  const byPath = await resolveNetns(PATH);
  t.is(byName.path, PATH);
  t.is(byName.inode, byPath.inode);
});

test('resolveNetns() finds the namespace of a process by its PID', async t => {
  const { spawn } = await import('node:child_process');
  const child = spawn('nsenter', [`--net=${PATH}`, 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
  t.teardown(() => child.kill());
  child.stdin.write('here\n');
  await new Promise(resolve => child.stdout.once('data', resolve));
  t.is((await resolveNetns(String(child.pid))).inode, (await netnsInode(PATH)) ?? -1);
});

const refused: [string, RegExp][] = [
  ['weft-no-such-namespace', /there is no network namespace/],
  ['/run/netns/weft-no-such-namespace', /there is no network namespace/],
  ['4194304', /there is no network namespace/],
  ['/etc/passwd', /is not a network namespace/],
  ['/proc/self/ns/mnt', /is not a network namespace/],
  ['/proc/self/ns/net', /the namespace of the daemon itself/],
  ['', /is no namespace/],
  ['..', /is no namespace/],
  ['a/b', /is no namespace/],
  ['/tmp/two words', /^"\/tmp\/two words" cannot be the name of a namespace$/],
  ['tab\tbed', /cannot be the name/],
  ['half#comment', /cannot be the name/],
  ['"quoted"', /cannot be the name/],
  ["it's", /cannot be the name/],
  ['back\\slash', /cannot be the name/],
];

for (const [name, message] of refused) {
  test(`resolveNetns() refuses "${name}"`, async t => {
    await t.throwsAsync(resolveNetns(name), { message });
  });
}

test('changeLinks() makes links inside a namespace, and listLinks() reads them', async t => {
  await changeLinks(['link add one type veth peer name two', 'addr add 198.18.9.1/24 dev one'], PATH);
  const link = await findLink('one', PATH);
  t.is(link?.linkinfo?.info_kind, 'veth');
  t.deepEqual(
    link?.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    ['198.18.9.1/24'],
  );
  t.is(await findLink('one'), undefined, 'not in our own namespace');
  t.is(await findLink('nothing', PATH), undefined);
});

test('changeLinks() stops at the first refusal and says which and why', async t => {
  const taken = await t.throwsAsync(
    changeLinks(['link add dup type veth peer name dup2', 'link add dup type bridge', 'link del dup'], PATH),
    { message: /^ip link add dup type bridge: .*(File exists|already exists)/ },
  );
  t.is((taken as Error & { code: string }).code, 'conflict');
  t.not(await findLink('dup', PATH), undefined, 'the line after the refusal was not carried out');
  const missing = await t.throwsAsync(changeLinks(['link set nothing up'], PATH));
  t.is((missing as Error & { code: string }).code, 'not_found');
});

test('ownLinkNames() lists what ip lists', async t => {
  t.deepEqual(
    [...(await ownLinkNames())].filter(Boolean).toSorted(),
    (await listLinks()).map(l => l.ifname).toSorted(),
  );
});
