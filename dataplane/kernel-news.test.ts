import test, { type ExecutionContext } from 'ava';
import { delay, systemClock } from './clock.ts';
import { type KernelNews, readKernelNews, watchKernel } from './kernel-news.ts';
import { ip, makeNamespace } from './native/testing/namespace.ts';

/** struct news of kernel-news.h. */
function news(
  kind: number,
  { nsid = -1, index = 0, flags = 0, mtu = 0, master = 0, name = '' } = {},
): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.writeInt32LE(kind, 0);
  bytes.writeInt32LE(nsid, 4);
  bytes.writeInt32LE(index, 8);
  bytes.writeUInt32LE(flags, 12);
  bytes.writeUInt32LE(mtu, 16);
  bytes.writeInt32LE(master, 20);
  bytes.write(name, 24, 'utf8');
  return bytes;
}

const NOTHING = { nsid: undefined, isUp: false, mtu: 0, master: 0, name: '' };

const TABLE: readonly (readonly [string, Buffer, readonly KernelNews[]])[] = [
  ['nothing', Buffer.alloc(0), []],
  ['a part of one', Buffer.alloc(39), []],
  ['what was lost', news(0), [{ ...NOTHING, kind: 'lost' }]],
  [
    'a link',
    news(1, { flags: 0x1043, mtu: 1450, master: 7, name: 'wf-0123456789ab' }),
    [{ kind: 'link', nsid: undefined, isUp: true, mtu: 1450, master: 7, name: 'wf-0123456789ab' }],
  ],
  [
    'a link of a container',
    news(2, { nsid: 3, name: 'eth0' }),
    [{ ...NOTHING, kind: 'no-link', nsid: 3, name: 'eth0' }],
  ],
  ['a kind that is not known', news(99), [{ ...NOTHING, kind: 'lost' }]],
  [
    'several',
    Buffer.concat([news(3), news(4), news(5, { nsid: 0 }), news(6, { name: 'weft' })]),
    [
      { ...NOTHING, kind: 'address' },
      { ...NOTHING, kind: 'route' },
      { ...NOTHING, kind: 'nsid', nsid: 0 },
      { ...NOTHING, kind: 'rules', name: 'weft' },
    ],
  ],
];

for (const [what, bytes, expected] of TABLE) {
  test(`readKernelNews(): ${what}`, t => {
    t.deepEqual(readKernelNews(bytes), expected);
  });
}

/** The kernel tells at once; a busy machine reads later. */
async function until(condition: () => boolean, what: string): Promise<void> {
  const end = systemClock.now() + 10_000;
  while (!condition()) {
    if (systemClock.now() > end) throw new Error(`not told of ${what}`);
    await delay(systemClock, 5);
  }
}

function listen(t: ExecutionContext): KernelNews[] {
  const heard: KernelNews[] = [];
  const watch = watchKernel(more => heard.push(...more));
  t.teardown(() => watch.close());
  return heard;
}

function remove(name: string): void {
  try {
    ip('link', 'delete', name);
  } catch {
    // The test has done it.
  }
}

test('a link of ours is told of when it is made, changed and deleted; one of others is not', async t => {
  const [ours, others] = [`wn${process.pid}`, `xn${process.pid}`];
  t.teardown(() => [ours, others].forEach(remove));
  const heard = listen(t);
  const mine = () => heard.filter(({ name }) => name === ours);
  for (const name of [others, ours]) {
    ip('link', 'add', name, 'type', 'bridge');
    ip('link', 'set', name, 'mtu', '1400', 'up');
    ip('address', 'add', '198.18.200.1/24', 'dev', name);
    ip('address', 'delete', '198.18.200.1/24', 'dev', name);
    // Of an address the kernel names the link by its index only: whose it was is asked for.
    if (name === ours) await until(() => mine().some(({ kind }) => kind === 'address'), 'the address');
    ip('link', 'delete', name);
  }
  await until(() => mine().some(({ kind }) => kind === 'no-link'), 'the end of the link');
  t.true(mine().some(({ kind, isUp, mtu }) => kind === 'link' && isUp && mtu === 1400));
  t.true(mine().every(({ nsid }) => nsid === undefined));
  t.false(heard.some(({ name }) => name === others));
});

test('a container is heard of by the number that its namespace has here, to its end', async t => {
  const { name } = makeNamespace(t);
  ip('netns', 'set', name, 'auto');
  const [, number] = new RegExp(`^${name} \\(id: (\\d+)\\)`, 'm').exec(ip('netns', 'list')) ?? [];
  const nsid = Number(number);
  const heard = listen(t);
  ip('-n', name, 'link', 'add', 'eth7', 'type', 'bridge');
  ip('-n', name, 'link', 'set', 'eth7', 'up');
  ip('-n', name, 'link', 'delete', 'eth7');
  const inside = () => heard.filter(one => one.nsid === nsid && one.name === 'eth7');
  await until(() => inside().some(({ kind }) => kind === 'no-link'), 'the end of the link');
  t.true(inside().some(({ kind, isUp }) => kind === 'link' && isUp));
  ip('netns', 'delete', name);
  await until(() => heard.some(one => one.kind === 'nsid' && one.nsid === nsid), 'the end of the namespace');
});

test('what is closed tells nothing more, and can be closed once more, also much later', async t => {
  const watch = watchKernel(() => t.fail());
  watch.close();
  // Two rounds of the loop: by then it has let go.
  for (let round = 0; round < 2; round++) await new Promise(resolve => setImmediate(resolve));
  t.notThrows(() => watch.close());
});
