/** The facade over several workers, which are fakes that note what they are told and answer as the test says. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { parseIp, parseMac, parseVni, type VtepAddress } from './address.ts';
import type { Answers, CommandName, Commands } from './commands.ts';
import { Dataplane, type DataplaneHandlers } from './dataplane.ts';
import { type DescriptorStore, NO_STORE } from './descriptor-store.ts';
import { WeftError } from './errors.ts';
import { ip, makeNamespace } from './native/testing/namespace.ts';
import type { WorkerHandlers, WorkerLink } from './worker-thread.ts';

const VNI = parseVni(42);
const UNDERLAY = parseIp('127.0.0.1') as VtepAddress;
const MAC = parseMac('02:00:5e:10:00:01');
const TAP = { vni: VNI, port: 'tap0' };

class FakeWorker implements WorkerLink {
  readonly commands: { readonly name: CommandName; readonly args: object }[] = [];
  readonly exited: Promise<void>;
  readonly channels: number;
  readonly tell: WorkerHandlers;
  isTerminated = false;
  /** What it says that it has open. */
  sockets: readonly number[] = [];
  /** Commands that fail here. */
  readonly failures = new Map<CommandName, Error>();
  /** While set, nothing is answered. */
  held: Promise<void> | undefined;
  private exit: () => void = () => {};

  constructor(channels: number, tell: WorkerHandlers) {
    this.channels = channels;
    this.tell = tell;
    this.exited = new Promise(resolve => {
      this.exit = resolve;
    });
  }

  async run<Name extends CommandName>(name: Name, args: Commands[Name]): Promise<Answers[Name]> {
    this.commands.push({ name, args });
    await this.held;
    const failure = this.failures.get(name);
    if (failure !== undefined) throw failure;
    if (name === 'close') this.exit();
    return (
      name === 'open'
        ? { sourcePorts: [this.commands.length], missing: [], descriptors: this.sockets }
        : undefined
    ) as Answers[Name];
  }

  terminate(): void {
    this.isTerminated = true;
    this.exit();
  }

  get names(): readonly CommandName[] {
    return this.commands.map(({ name }) => name);
  }
}

function setUp(workers = 3, store: DescriptorStore = NO_STORE) {
  const fakes: FakeWorker[] = [];
  const events: object[] = [];
  const handlers: DataplaneHandlers = {
    portLost: ({ port, errno }) => events.push({ portLost: port, errno }),
    offloadLost: ({ offload, port }) => events.push({ offloadLost: offload, port }),
    died: error => events.push({ died: error.message }),
  };
  const startWorker = (_index: number, data: { channels: readonly unknown[] }, tell: WorkerHandlers) => {
    const fake = new FakeWorker(data.channels.length, tell);
    fakes.push(fake);
    return fake;
  };
  const dataplane = new Dataplane({ startWorker, store }, { workers }, handlers);
  return { dataplane, fakes, events };
}

/** Descriptors of the test's own; whoever has them is to close them, which the fakes do not. */
function descriptors(t: { teardown(close: () => void): void }, count: number): number[] {
  const fds = Array.from({ length: count }, () => openSync('/dev/null', 'r'));
  t.teardown(() => {
    for (const fd of fds) closeSync(fd);
  });
  return fds;
}

const portLost = { type: 'portLost', ...TAP, errno: 77 } as const;
const notFound = new WeftError('not_found', 'network blue has no port tap0');

test('each worker has a channel to every other one, and a single one has none', t => {
  t.deepEqual(
    setUp(4).fakes.map(({ channels }) => channels),
    [3, 3, 3, 3],
  );
  t.deepEqual(
    setUp(1).fakes.map(({ channels }) => channels),
    [0],
  );
});

test('commands reach every worker in order, one after the other', async t => {
  const { dataplane, fakes } = setUp();
  const [first, second, third] = fakes as [FakeWorker, FakeWorker, FakeWorker];
  let release: () => void = () => {};
  second.held = new Promise(resolve => {
    release = resolve;
  });
  const added = dataplane.run('addNetwork', { name: 'blue', vni: VNI, mtu: 1450 });
  const told = dataplane.run('setVteps', { vni: VNI, source: 'gossip', vteps: [] });
  await third.run('readTable', {});
  t.deepEqual(first.names, ['addNetwork'], 'the second command waits until all have carried out the first');
  second.held = undefined;
  release();
  await Promise.all([added, told]);
  for (const { names } of [first, second]) t.deepEqual(names, ['addNetwork', 'setVteps']);
});

test('open: the first founds the group alone, the others join; one worker shares with nobody', async t => {
  const { dataplane, fakes } = setUp();
  const { sourcePorts } = await dataplane.run('open', { underlay: UNDERLAY, port: 4789, offloads: [] });
  t.is(sourcePorts.length, 3);
  const shares = (workers: readonly FakeWorker[]) =>
    workers.map(({ commands }) => (commands[0]?.args as Commands['open'] | undefined)?.share);
  t.deepEqual(shares(fakes), ['founds', 'joins', 'joins']);
  const single = setUp(1);
  await single.dataplane.run('open', { underlay: UNDERLAY, port: 4789, offloads: [] });
  t.deepEqual(shares(single.fakes), [undefined]);
});

test('open that fails in one worker is taken back in those before it, and not tried in those behind it', async t => {
  const { dataplane, fakes } = setUp();
  fakes[1]?.failures.set('open', new WeftError('system', 'no more descriptors'));
  await t.throwsAsync(dataplane.run('open', { underlay: UNDERLAY, port: 4789, offloads: [] }), {
    message: /no more/,
  });
  t.deepEqual(
    fakes.map(({ names }) => names),
    [['open', 'closeUnderlay'], ['open'], []],
  );
});

test('a command that fails in one worker is undone in the others', async t => {
  const cases = [
    ['addNetwork', { name: 'blue', vni: VNI, mtu: 1450 }, 'removeNetwork'],
    ['addPort', { ...TAP, fds: descriptors(t, 3) }, 'removePort'],
    ['attachMac', { ...TAP, mac: MAC }, 'releaseMac'],
  ] as const;
  for (const [name, args, undone] of cases) {
    const { dataplane, fakes } = setUp();
    fakes[1]?.failures.set(name, new WeftError('system', 'out of memory'));
    await t.throwsAsync(dataplane.run(name, args), { instanceOf: WeftError, message: 'out of memory' });
    t.deepEqual(
      fakes.map(({ names }) => names),
      [[name, undone], [name], [name, undone]],
    );
  }
});

test('next hops that one worker refuses are replaced by the former ones in the others', async t => {
  const { dataplane, fakes } = setUp();
  const hop = { vtep: UNDERLAY, injector: 'wi2', fd: 42, mtu: 1500, source: MAC, destination: MAC };
  await dataplane.run('setNextHops', { hops: [hop] });
  fakes[1]?.failures.set('setNextHops', new WeftError('system', 'out of memory'));
  await t.throwsAsync(dataplane.run('setNextHops', { hops: [] }), { message: 'out of memory' });
  t.deepEqual(
    fakes.map(({ commands }) => commands.map(({ args }) => (args as Commands['setNextHops']).hops)),
    [
      [[hop], [], [hop]],
      [[hop], []],
      [[hop], [], [hop]],
    ],
  );
});

test('claims are changed in every worker', async t => {
  const { dataplane, fakes } = setUp();
  const args = { vni: VNI, set: [], remove: [MAC] };
  await dataplane.run('changeClaims', args);
  for (const { commands } of fakes) t.deepEqual(commands, [{ name: 'changeClaims', args }]);
});

test('addPort: a queue for each worker, which it reads', async t => {
  const { dataplane, fakes } = setUp();
  const fds = descriptors(t, 3);
  await dataplane.run('addPort', { ...TAP, fds });
  const added = fakes.map(({ commands }) => commands[0]?.args as Commands['addPort'] | undefined);
  const bucket = added[0]?.bucket;
  t.true(bucket instanceof SharedArrayBuffer);
  t.deepEqual(
    added,
    fds.map(fd => ({ ...TAP, fd, reads: true, bucket }) as Commands['addPort']),
  );
  for (const args of added) t.is(args?.bucket, bucket, 'one limit for all');
});

test('addPort: a single queue is read by one worker, in turn, and written to by all', async t => {
  const { dataplane, fakes } = setUp();
  const [one = -1, two = -1] = descriptors(t, 2);
  await dataplane.run('addPort', { ...TAP, fds: [one] });
  await dataplane.run('addPort', { ...TAP, port: 'tap1', fds: [two] });
  const added = fakes.map(({ commands }) => commands.map(({ args }) => args as Commands['addPort']));
  t.deepEqual(
    added.map(ports => ports.map(({ reads }) => reads)),
    [
      [true, false],
      [false, true],
      [false, false],
    ],
  );
  const fds = added.flat().map(({ fd }) => fd);
  t.is(new Set(fds).size, 6, 'each has a descriptor of its own to close');
  for (const fd of fds) if (fd !== one && fd !== two) closeSync(fd);
});

test('a lost port is one event, after the other workers have let it go', async t => {
  const { dataplane, fakes, events } = setUp();
  await dataplane.run('addPort', { ...TAP, fds: descriptors(t, 3) });
  fakes[2]?.failures.set('removePort', notFound);
  fakes[1]?.tell.event(portLost);
  fakes[2]?.tell.event(portLost);
  t.deepEqual(events, []);
  await dataplane.run('setVteps', { vni: VNI, source: 'gossip', vteps: [] });
  t.deepEqual(events, [{ portLost: 'tap0', errno: 77 }]);
  t.deepEqual(
    fakes.map(({ names }) => names.includes('removePort')),
    [true, false, true],
  );
});

test('a port that is removed meanwhile is no lost one', async t => {
  const { dataplane, fakes, events } = setUp();
  await dataplane.run('addPort', { ...TAP, fds: descriptors(t, 3) });
  fakes[0]?.failures.set('removePort', notFound);
  const removed = dataplane.run('removePort', TAP);
  await Promise.resolve();
  fakes[0]?.tell.event(portLost);
  await removed;
  await dataplane.run('setVteps', { vni: VNI, source: 'gossip', vteps: [] });
  t.deepEqual(events, []);
  for (const fake of fakes) fake.failures.set('removePort', notFound);
  await t.throwsAsync(dataplane.run('removePort', TAP), { message: notFound.message });
});

test('a port that comes anew is not taken for lost by what was said of the former', async t => {
  const { dataplane, fakes, events } = setUp();
  await dataplane.run('addPort', { ...TAP, fds: descriptors(t, 3) });
  fakes[0]?.tell.event(portLost);
  const added = dataplane.run('addPort', { ...TAP, fds: descriptors(t, 3) });
  // The second worker finds out by itself, before it is told.
  fakes[1]?.tell.event(portLost);
  await added;
  await dataplane.run('setVteps', { vni: VNI, source: 'gossip', vteps: [] });
  t.deepEqual(events, [{ portLost: 'tap0', errno: 77 }]);
  t.deepEqual(fakes[2]?.names, ['addPort', 'removePort', 'addPort', 'setVteps']);
});

test('an offload that every worker loses is one event for each port', t => {
  const { fakes, events } = setUp();
  for (const { tell } of fakes) {
    tell.event({ type: 'offloadLost', offload: 'udp-segment', port: null, vni: null, errno: 5 });
    tell.event({ type: 'offloadLost', offload: 'tap-uso', ...TAP, errno: 22 });
    tell.event({ type: 'offloadLost', offload: 'tap-uso', ...TAP, port: 'tap1', errno: 22 });
  }
  t.deepEqual(events, [
    { offloadLost: 'udp-segment', port: null },
    { offloadLost: 'tap-uso', port: 'tap0' },
    { offloadLost: 'tap-uso', port: 'tap1' },
  ]);
});

test('one worker that ends takes the others along', async t => {
  const { dataplane, fakes, events } = setUp();
  fakes[1]?.tell.ended(new Error('the VXLAN socket failed'));
  fakes[0]?.tell.ended(new Error('exited with code 1'));
  t.deepEqual(events, [{ died: 'the VXLAN socket failed' }]);
  t.true(fakes.every(({ isTerminated }) => isTerminated));
  await t.throwsAsync(dataplane.run('readTable', {}), { message: 'the VXLAN socket failed' });
  await dataplane.close();
});

test('close() closes all of them, after which every command fails', async t => {
  const { dataplane, fakes } = setUp();
  await dataplane.close();
  for (const { names } of fakes) t.deepEqual(names, ['close']);
  await t.throwsAsync(dataplane.run('readTable', {}), { message: 'the dataplane is closed' });
});

test('two dataplanes cannot have the same port, however many workers they have; closed, they leave it', t => {
  const { name } = makeNamespace(t);
  ip('-n', name, 'link', 'set', 'dev', 'lo', 'up');
  const scenario = fileURLToPath(new URL('./testing/dataplane-scenario.js', import.meta.url));
  const answer = spawnSync('ip', ['netns', 'exec', name, process.execPath, scenario], { encoding: 'utf8' });
  t.deepEqual(
    answer.stdout.trim().split('\n'),
    [
      '64 source ports',
      'conflict',
      'conflict',
      '2 rows of drops',
      'claim of 02:00:5e:10:00:01: vtep_unknown',
      '16 source ports',
    ],
    answer.stderr,
  );
});

/** A store that notes what it is told. */
function noting() {
  const said: string[] = [];
  const store: DescriptorStore = {
    keeps: true,
    store: (name, fds) => said.push(`${name} ${fds.length}`) > 0,
    unstore: name => void said.push(`-${name}`),
  };
  return { said, store };
}

test('what is opened lies in the store until it is taken away, and not longer', async t => {
  const { said, store } = noting();
  const { dataplane, fakes } = setUp(2, store);
  for (const [index, fake] of fakes.entries()) fake.sockets = Array.from({ length: 2 + index }, () => 0);
  await dataplane.run('open', { underlay: UNDERLAY, port: 4789, offloads: [] });
  await dataplane.run('addNetwork', { name: 'blue', vni: VNI, mtu: 1450 });
  for (const port of ['tap0', 'tap1', 'tap2'])
    await dataplane.run('addPort', { vni: VNI, port, fds: descriptors(t, 2) });
  t.deepEqual(said, ['vxlan-0 2', 'vxlan-1 3', 'tap-tap0 2', 'tap-tap1 2', 'tap-tap2 2']);
  said.length = 0;
  await dataplane.run('removePort', TAP);
  fakes[0]?.tell.event({ ...portLost, port: 'tap1' });
  await dataplane.run('removeNetwork', { vni: VNI });
  t.deepEqual(said, ['-tap-tap0', '-tap-tap1', '-tap-tap2']);
});

test('a port that cannot be added is not kept; of a process that ends all is', async t => {
  const { said, store } = noting();
  const { dataplane, fakes } = setUp(2, store);
  fakes[1]?.failures.set('addPort', new WeftError('system', 'no'));
  await t.throwsAsync(dataplane.run('addPort', { ...TAP, fds: descriptors(t, 2) }));
  t.deepEqual(said, ['tap-tap0 2', '-tap-tap0']);
  fakes[1]?.failures.clear();
  said.length = 0;
  await dataplane.run('addPort', { ...TAP, fds: descriptors(t, 2) });
  dataplane.keepForNext();
  await dataplane.run('removePort', TAP);
  await dataplane.run('removeNetwork', { vni: VNI });
  await dataplane.close();
  t.deepEqual(said, ['tap-tap0 2']);
});

// Alone: another test that opens something would get the number of what was closed.
test.serial(
  'passed sockets go to the worker that had them; those of workers that there are no more are closed and forgotten',
  async t => {
    const { said, store } = noting();
    const { dataplane, fakes } = setUp(2, store);
    const passed = [[101, 102], [103], [openSync('/dev/null', 'r')]];
    await dataplane.run('open', { underlay: UNDERLAY, port: 4789, offloads: [], passed });
    t.deepEqual(
      fakes.map(({ commands }) => (commands[0]?.args as Commands['open'] | undefined)?.passed),
      [[101, 102], [103]],
    );
    t.deepEqual(said, ['-vxlan-2', 'vxlan-0 0', 'vxlan-1 0']);
    t.throws(() => closeSync(passed[2]?.[0] ?? -1), { code: 'EBADF' });
  },
);
