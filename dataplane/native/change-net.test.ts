/** The addon's changes of namespaces: arguments, what is left behind, and that no thread stays where it has been. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { batchIo, PATCH_IFINDEX, PATCH_NETNS } from './batch-io.ts';
import { ip, makeNamespace } from './testing/namespace.ts';
import { processState } from './testing/process-state.ts';

const RTM_GETLINK = 18;
const RTM_NEWLINK = 16;
const REQUEST_ACK = 0x05;

/** A message with a struct ifinfomsg and the bytes of attributes. */
function message(type: number, attributes = ''): Buffer {
  const rest = Buffer.from(attributes, 'hex');
  const bytes = Buffer.concat([Buffer.alloc(32), rest]);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(REQUEST_ACK, 6);
  return bytes;
}

function askFor(name: string) {
  return { message: message(RTM_GETLINK), patches: [{ kind: PATCH_IFINDEX, offset: 20, of: name }] };
}

/** The namespace of each thread of this process. */
function namespaces(): ReadonlySet<string> {
  return new Set(readdirSync('/proc/self/task').map(id => readlinkSync(`/proc/self/task/${id}/ns/net`)));
}

// Serial: some count what the whole process has open.
test.serial('a question is answered, in the namespace that it is asked in', async t => {
  const { name, path } = makeNamespace(t);
  ip('-n', name, 'link', 'add', 'here', 'type', 'bridge');
  const result = await batchIo.changeNet(path, [askFor('here'), askFor('lo')]);
  t.like(result, { done: 2, errno: 0, refused: '', words: '' });
  t.is(result.answers.readUInt16LE(4), RTM_NEWLINK);
  t.true(result.answers.includes('here\0'));
  t.true(result.answers.includes('lo\0'));
  t.is(result.answers.length % 4, 0);
  t.like(await batchIo.changeNet(null, [askFor('lo'), askFor('here')]), {
    done: 1,
    errno: constants.errno.ENODEV,
    refused: 'link',
    words: 'here',
  });
  t.is(namespaces().size, 1);
});

test.serial('a setting is written in the namespace; one that is not there is passed over', async t => {
  const { name, path } = makeNamespace(t);
  const file = 'ipv4/ip_default_ttl';
  const before = readFileSync(`/proc/sys/net/${file}`, 'utf8');
  const steps = [
    { file, text: '77\n' },
    { file: 'ipv4/no/such', text: '1' },
    { file, text: 'nonsense' },
    { file, text: '78' },
  ];
  t.like(await batchIo.changeNet(path, steps), { done: 2, errno: constants.errno.EINVAL, refused: 'file' });
  t.is(ip('netns', 'exec', name, 'cat', `/proc/sys/net/${file}`), '77\n');
  t.is(readFileSync(`/proc/sys/net/${file}`, 'utf8'), before);
});

test.serial('a refusal comes with its errno and the words of the kernel', async t => {
  const { path } = makeNamespace(t);
  const unknown = { message: message(999), patches: [] };
  t.like(await batchIo.changeNet(path, [unknown]), {
    done: 0,
    errno: constants.errno.EOPNOTSUPP,
    refused: 'message',
  });
  // The loopback device stays where it is.
  const move = {
    message: message(RTM_NEWLINK, '08001c0000000000'),
    patches: [
      { kind: PATCH_NETNS, offset: 36, of: '/proc/self/ns/net' },
      { kind: PATCH_IFINDEX, offset: 20, of: 'lo' },
    ],
  };
  const moved = await batchIo.changeNet(path, [askFor('lo'), move]);
  t.like(moved, { done: 1, errno: constants.errno.EINVAL, refused: 'message' });
  t.not(moved.words, '');
});

test.serial('a namespace that cannot be entered is told, and nothing is done', async t => {
  for (const [path, errno] of [
    ['/run/netns/weft-no-such', constants.errno.ENOENT],
    ['/proc/self/ns/mnt', constants.errno.EINVAL],
    ['/etc/passwd', constants.errno.ENOTTY],
  ] as const) {
    const result = await batchIo.changeNet(path, [askFor('lo')]);
    t.is(result.refused, 'netns', path);
    t.true(result.errno === errno || result.errno === constants.errno.EINVAL, `${path}: ${result.errno}`);
    t.is(result.done, 0);
  }
  const target = {
    message: message(RTM_NEWLINK, '08001c0000000000'),
    patches: [{ kind: PATCH_NETNS, offset: 36, of: '/run/netns/weft-no-such' }],
  };
  t.like(await batchIo.changeNet(null, [target]), { refused: 'target', words: '/run/netns/weft-no-such' });
});

const good = message(RTM_GETLINK);
const withoutAck = Buffer.from(good).fill(1, 6, 7);
const tooLong = Buffer.concat([good, Buffer.alloc(4)]);
const patch = { kind: PATCH_IFINDEX, offset: 20, of: 'lo' };

const WRONG: readonly (readonly [what: string, netns: unknown, steps: unknown])[] = [
  ['netnsPath', 7, []],
  ['netnsPath', '', []],
  ['netnsPath', 'a\0b', []],
  ['netnsPath', `/${'x'.repeat(5000)}`, []],
  ['steps', null, 'none'],
  ['steps', null, Array(65).fill({ file: 'a', text: '1' })],
  ['steps', null, [undefined]],
  ['message', null, [{ message: null, patches: [] }]],
  ['message', null, [{ message: 'text', patches: [] }]],
  ['message', null, [{ message: Buffer.alloc(0), patches: [] }]],
  ['message', null, [{ message: Buffer.alloc(16), patches: [] }]],
  ['message', null, [{ message: good.subarray(0, 31), patches: [] }]],
  ['message', null, [{ message: tooLong, patches: [] }]],
  ['message', null, [{ message: withoutAck, patches: [] }]],
  ['message', null, [{ message: message(RTM_GETLINK, '00'.repeat(4100)), patches: [] }]],
  ['patches', null, [{ message: good }]],
  ['patches', null, [{ message: good, patches: Array(5).fill(patch) }]],
  ['patches', null, [{ message: good, patches: [null] }]],
  ['kind', null, [{ message: good, patches: [{ ...patch, kind: 2 }] }]],
  ['offset', null, [{ message: good, patches: [{ ...patch, offset: 12 }] }]],
  ['offset', null, [{ message: good, patches: [{ ...patch, offset: 29 }] }]],
  ['offset', null, [{ message: good, patches: [patch, { ...patch, offset: 1.5 }] }]],
  ['of', null, [{ message: good, patches: [{ ...patch, of: 'sixteen-letters!' }] }]],
  ['of', null, [{ message: good, patches: [{ ...patch, of: '' }] }]],
  ['of', null, [{ message: good, patches: [{ kind: PATCH_NETNS, offset: 20 }] }]],
  ['file', null, [{ text: '1' }]],
  ['file', null, [{ file: '../kernel/hostname', text: '1' }]],
  ['file', null, [{ file: 'ipv4/..', text: '1' }]],
  ['file', null, [{ file: 'x'.repeat(256), text: '1' }]],
  ['text', null, [{ file: 'ipv4/ip_default_ttl' }]],
  ['text', null, [{ file: 'ipv4/ip_default_ttl', text: '1'.repeat(64) }]],
];

test.serial('wrong arguments throw and name the argument', t => {
  for (const [what, netns, steps] of WRONG) {
    const error = t.throws(() => batchIo.changeNet(netns as string, steps as []), undefined, what);
    t.is(error?.message.split(' ', 1)[0], what);
  }
});

test.serial('a name with two dots in it leads nowhere else', async t => {
  t.like(await batchIo.changeNet(null, [{ file: 'ipv4/conf/a..b/arp_notify', text: '1' }]), { done: 1 });
});

test.serial('many changes at once leave no descriptor, and no thread where it has been', async t => {
  const { path } = makeNamespace(t);
  await batchIo.changeNet(path, []);
  const before = processState();
  for (let i = 0; i < 50; i++) {
    const each = Array.from({ length: 20 }, (_, n) =>
      batchIo.changeNet(n % 2 === 0 ? path : null, [askFor('lo'), askFor(n % 3 === 0 ? 'nothing' : 'lo')]),
    );
    const done = (await Promise.all(each)).map(result => result.done);
    t.deepEqual(
      done,
      each.map((_, n) => (n % 3 === 0 ? 1 : 2)),
    );
  }
  t.deepEqual(processState(), before);
  t.is(namespaces().size, 1);
});

test.serial('a worker may end while its changes are under way', async t => {
  const { path } = makeNamespace(t);
  const url = new URL('./batch-io.js', import.meta.url).href;
  const source = `import(${JSON.stringify(url)}).then(({ batchIo }) => {
    for (let i = 0; i < 50; i++) batchIo.changeNet(${JSON.stringify(path)}, [{ file: 'ipv4/ip_default_ttl', text: '7' }]);
    process.exit();
  });`;
  for (let i = 0; i < 5; i++) {
    const worker = new Worker(source, { eval: true });
    await new Promise(resolve => worker.once('exit', resolve));
  }
  t.is(namespaces().size, 1);
  t.is(execFileSync('ip', ['netns', 'pids', path.slice('/run/netns/'.length)], { encoding: 'utf8' }), '');
});
