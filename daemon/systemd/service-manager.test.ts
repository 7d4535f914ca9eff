import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { tempDirectory } from '../testing/temp-directory.ts';
import { takeServiceManager } from './service-manager.ts';

const PID = 4711;

interface Sent {
  readonly path: string;
  readonly message: string;
  readonly fds: readonly number[];
}

function recorded(answer = 0): {
  readonly sent: Sent[];
  readonly notify: (...args: [string, string, readonly number[]]) => number;
} {
  const sent: Sent[] = [];
  return {
    sent,
    notify: (path, message, fds) => {
      sent.push({ path, message, fds });
      return answer;
    },
  };
}

test('a reload is told with the time, as notify-reload wants it', t => {
  const sent: string[] = [];
  const manager = takeServiceManager(
    { NOTIFY_SOCKET: '/run/notify' },
    { pid: 1, notify: (_, message) => sent.push(message) && 0 },
  );
  const before = process.hrtime.bigint() / 1000n;
  manager.reloading();
  const [, time = ''] = /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(sent.join()) ?? [];
  t.true(BigInt(time) >= before && BigInt(time) <= process.hrtime.bigint() / 1000n, sent.join());
});

test('takeServiceManager() says each thing in the words of sd_notify(3)', t => {
  const { sent, notify } = recorded();
  const environment = {
    NOTIFY_SOCKET: '/run/notify',
    WATCHDOG_USEC: '2500000',
    WATCHDOG_PID: '4711',
    FDSTORE: '512',
    HOME: '/',
  };
  const manager = takeServiceManager(environment, { pid: PID, notify });
  manager.ready();
  manager.status('two\nlines');
  manager.alive();
  manager.stopping();
  t.true(manager.store('tap-blue', [7, 8]));
  manager.unstore('tap-blue');
  t.deepEqual(
    sent.map(({ message, fds }) => [message, fds]),
    [
      ['READY=1', []],
      ['STATUS=two lines', []],
      ['WATCHDOG=1', []],
      ['STOPPING=1', []],
      ['FDSTORE=1\nFDNAME=tap-blue', [7, 8]],
      ['FDSTOREREMOVE=1\nFDNAME=tap-blue', []],
    ],
  );
  t.true(manager.keeps);
  t.true(sent.every(({ path }) => path === '/run/notify'));
  t.is(manager.watchdogMs, 2500);
  t.deepEqual(environment as object, { HOME: '/' }, 'no child process speaks for us');
  for (const name of ['', 'a:b', 'a b', 'ä', 'x'.repeat(256)]) {
    t.throws(() => manager.store(name, [7]), { instanceOf: RangeError }, name);
  }
});

test('takeServiceManager() keeps a status within one datagram, and hears whether it was told', t => {
  const { sent, notify } = recorded(-constants.errno.EAGAIN);
  const manager = takeServiceManager({ NOTIFY_SOCKET: '@abstract', FDSTORE: '512' }, { pid: PID, notify });
  manager.status('ü'.repeat(10_000));
  t.true(Buffer.byteLength(sent[0]?.message ?? '') < 4096);
  t.false(manager.store('tap-blue', [7]));
});

for (const [what, environment] of [
  ['without a manager', {}],
  ['without a store', { NOTIFY_SOCKET: '/run/notify', FDSTORE: '0' }],
  ['an empty address', { NOTIFY_SOCKET: '', WATCHDOG_USEC: '1' }],
] as const) {
  test(`takeServiceManager(): ${what}: nothing is kept`, t => {
    const { sent, notify } = recorded();
    const manager = takeServiceManager({ ...environment }, { pid: PID, notify });
    // Without a manager it is not even told that all is ready.
    if (!('FDSTORE' in environment)) manager.ready();
    t.false(manager.keeps);
    t.false(manager.store('x', [7]));
    manager.unstore('x');
    t.is(sent.length, 0);
  });
}

for (const [microseconds, forPid, expected] of [
  ['2000000', undefined, 2000],
  ['2000000', '4711', 2000],
  ['2000000', '1', undefined],
  ['0', undefined, undefined],
  ['-5', undefined, undefined],
  ['1e', undefined, undefined],
  [undefined, undefined, undefined],
] as const) {
  test(`takeServiceManager(): WATCHDOG_USEC ${microseconds} for ${forPid}: ${expected} ms`, t => {
    const environment = { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: microseconds, WATCHDOG_PID: forPid };
    t.is(takeServiceManager(environment, { pid: PID, notify: () => 0 }).watchdogMs, expected);
  });
}

/** Receives one datagram with its descriptors, and prints both: Node has no such sockets. */
const RECEIVER = `
import json, os, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1].replace('@', chr(0)))
print('ready', flush=True)
message, fds, flags, address = socket.recv_fds(receiver, 8192, 300)
print(json.dumps([message.decode(), [os.pread(fd, 100, 0).decode() for fd in fds]]), flush=True)
`;

for (const kind of ['a path', 'an abstract name'] as const) {
  test(`the real socket: a message and 253 descriptors arrive at ${kind}`, async t => {
    const directory = await tempDirectory(t);
    const file = join(directory, 'stored');
    const fd = openSync(file, 'w+');
    writeSync(fd, 'content');
    const path = kind === 'a path' ? join(directory, 'notify') : `@weft-test-${process.pid}`;
    const receiver = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: receiver.stdout })[Symbol.asyncIterator]();
    try {
      await lines.next();
      const manager = takeServiceManager({ NOTIFY_SOCKET: path, FDSTORE: '512' }, { pid: PID });
      t.true(
        manager.store(
          'tap',
          Array.from({ length: 253 }, () => fd),
        ),
      );
      const { value: line } = await lines.next();
      const [message, contents] = JSON.parse(line) as [string, string[]];
      t.is(message, 'FDSTORE=1\nFDNAME=tap');
      t.is(contents.length, 253);
      t.true(contents.every(content => content === 'content'));
      t.throws(
        () =>
          manager.store(
            'tap',
            Array.from({ length: 254 }, () => fd),
          ),
        { instanceOf: RangeError },
      );
    } finally {
      receiver.kill('SIGKILL');
      closeSync(fd);
    }
  });
}

test('the real socket: nobody there, and addresses that are none', t => {
  const stores = (socket: string) =>
    takeServiceManager({ NOTIFY_SOCKET: socket, FDSTORE: '512' }, { pid: PID }).store('x', []);
  for (const path of [
    '/nobody/there',
    '@weft-nobody',
    'relative',
    '/',
    `/${'x'.repeat(107)}`,
    'y'.repeat(500),
  ])
    t.false(stores(path), path);
});
