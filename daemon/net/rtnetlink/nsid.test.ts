import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import test from 'ava';
import { MessageWriter } from './message.ts';
import { askForNsid, nsidOf, numberNamespace, readNsid } from './nsid.ts';

const NETNS = `weft-nsid-${process.pid}`;
const PATH = `/run/netns/${NETNS}`;

test.before(() => execFileSync('ip', ['netns', 'add', NETNS]));
test.after.always(() => {
  if (existsSync(PATH)) execFileSync('ip', ['netns', 'del', NETNS]);
});

test('the question names a namespace by a descriptor', t => {
  const { message, patches } = askForNsid('/run/netns/n');
  // linux/rtnetlink.h: RTM_GETNSID, struct rtgenmsg; linux/net_namespace.h: NETNSA_FD.
  t.is(
    message.toString('hex'),
    ['1c000000 5a00 0500 00000000 00000000', '00000000', '0800 0300 00000000'].join('').replaceAll(' ', ''),
  );
  t.deepEqual(patches, [{ kind: 'netns', offset: 24, of: '/run/netns/n' }]);
});

const ANSWERS: readonly (readonly [string, Buffer, number | undefined])[] = [
  ['nothing', Buffer.alloc(0), undefined],
  ['a number', answer(88, 7), 7],
  ['the first number', answer(88, 0), 0],
  ['that it has none', answer(88, 0xffff_ffff), undefined],
  ['something else', answer(16, 7), undefined],
  ['no number at all', new MessageWriter(88).zeros(4).finish().message, undefined],
];

function answer(type: number, nsid: number): Buffer {
  return new MessageWriter(type).zeros(4).u32Attribute(1, nsid).finish().message;
}

for (const [what, bytes, expected] of ANSWERS) {
  test(`readNsid(): ${what}`, t => {
    t.is(readNsid(bytes), expected);
  });
}

test.serial('a namespace has a number once it was given one, and keeps it', async t => {
  t.is(await nsidOf(PATH), undefined);
  await numberNamespace(PATH);
  const number = await nsidOf(PATH);
  t.is(typeof number, 'number');
  await numberNamespace(PATH);
  t.is(await nsidOf(PATH), number);
});

test('one that is not there is refused', async t => {
  await t.throwsAsync(nsidOf('/run/netns/weft-no-such'), { code: 'system' });
  await t.throwsAsync(numberNamespace('/run/netns/weft-no-such'), { code: 'system' });
});
