import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KEY_OPERATIONS } from '../../control/serf/key-agent.ts';
import { systemClock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { REPORT_NAMES } from '../api/reports.ts';
import { startApiServer } from '../api/server.ts';
import { version } from '../package-info.ts';
import type { DaemonOptions } from '../run-daemon.ts';
import { fakeCni } from '../testing/fake-cni.ts';
import { fakeConfig } from '../testing/fake-config.ts';
import { fakeHandOver } from '../testing/fake-hand-over.ts';
import { FakeHost } from '../testing/fake-host.ts';
import { FAKE_EXPLANATION, FAKE_KEYS, FakeNode } from '../testing/fake-node.ts';
import { FAKE_STATUS } from '../testing/fake-status.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import type { CliIo } from './io.ts';
import { runCli } from './run-cli.ts';

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(argv: readonly string[], changes: Partial<CliIo> = {}): Promise<Run> {
  let out = '';
  let err = '';
  const io: CliIo = {
    stdout: {
      write: text => {
        out += text;
      },
    },
    stderr: {
      write: text => {
        err += text;
      },
    },
    env: {},
    workingDirectory: '/somewhere',
    clock: systemClock,
    readInput: () => Promise.resolve(''),
    interrupted: () => new AbortController().signal,
    host: new FakeHost(),
    runDaemon: () => Promise.resolve(),
    ...changes,
  };
  const code = await runCli(argv, io);
  return { code, out, err };
}

async function serve(t: ExecutionContext, node = new FakeNode()) {
  const socketPath = join(await tempDirectory(t), 'api.sock');
  const { log } = memoryLog();
  const server = await startApiServer(
    { operations: node, config: fakeConfig, cni: fakeCni, handOver: fakeHandOver, log, clock: systemClock },
    { socketPath },
  );
  t.teardown(() => server.close());
  return { socketPath, node, ask: (...argv: string[]) => run([...argv, '--socket', socketPath]) };
}

test('a wrong command line is one line on stderr and exit 2', async t => {
  const table: readonly (readonly [string[], RegExp])[] = [
    [['stats'], /unknown command 'stats' \(Did you mean status\?\)/],
    [['status', '--jason'], /unknown option '--jason' \(Did you mean --json\?\)/],
    [['status', 'extra'], /too many arguments/],
    [['attach', '--network', 'blue'], /missing required argument 'netns'/],
    [['attach', 'web'], /required option '--network <name>' not specified/],
    [['attach', 'web', '--network'], /argument missing/],
    [['detach', '--network', 'blue'], /missing required argument 'netns'/],
    [['network', 'create'], /missing required argument 'name'/],
    [
      ['network', 'create', 'blue', '--attach', 'x'],
      /argument 'x' is invalid. Allowed choices are bridge, tap/,
    ],
    [['network', 'remove', 'blue'], /unknown command 'remove'/],
    [['release', '--network', 'blue'], /missing required argument 'mac'/],
    [['fdb', '--network', 'blue'], /--network goes with --explain/],
    [['config', 'check'], /missing required argument 'file'/],
    [['config', 'chekc', 'x'], /unknown command 'chekc'/],
    [['daemon', '--socket', '/x'], /the daemon has no --socket/],
    [['--socket'], /argument missing/],
  ];
  for (const [argv, expected] of table) {
    const { code, out, err } = await run(argv);
    t.is(code, 2, argv.join(' '));
    t.is(out, '');
    t.regex(err, /^weft: [^\n]*; see weft --help\n$/);
    t.regex(err, expected);
  }
});

test('weft and weft config alone print help on stderr and exit 2', async t => {
  for (const argv of [[], ['network'], ['config'], ['gossip'], ['gossip', 'keys']]) {
    const { code, out, err } = await run(argv);
    t.is(code, 2);
    t.is(out, '');
    t.regex(err, /^Usage: weft/);
  }
});

test('--help has examples for each command, --version the version; both exit 0', async t => {
  const commands = [
    [],
    ['daemon'],
    ['attach'],
    ['detach'],
    ['release'],
    ...['create', 'rm', 'ls', 'show'].map(name => ['network', name]),
    ['config', 'check'],
    ...KEY_OPERATIONS.map(operation => ['gossip', 'keys', operation]),
    ...REPORT_NAMES.map(name => [name]),
  ];
  for (const command of commands) {
    const { code, out, err } = await run([...command, '--help']);
    t.is(code, 0);
    t.is(err, '');
    t.regex(out, /^Usage: weft/);
    t.true(out.includes(`Examples:\n  $ weft ${command.join(' ')}`), command.join(' '));
  }
  t.deepEqual(await run(['--version']), { code: 0, out: `${version}\n`, err: '' });
});

test('each report prints with --json exactly what the node answered, on one line', async t => {
  const { ask, node } = await serve(t);
  for (const name of REPORT_NAMES) {
    const { code, out, err } = await ask(name, '--json');
    t.deepEqual({ code, err }, { code: 0, err: '' });
    t.is(out, `${JSON.stringify(await node[name]())}\n`);
  }
});

test('each report prints a table without --json', async t => {
  const { ask } = await serve(t);
  for (const name of REPORT_NAMES) {
    const { code, out } = await ask(name);
    t.is(code, 0);
    t.regex(out, /^(node {7}vm-a 192\.0\.2\.1|green: confirmed|[A-Z]+ {2})/, name);
    t.false(/[│─]/.test(out));
  }
});

test('the socket is --socket, else WEFT_SOCKET, else the default', async t => {
  const { socketPath } = await serve(t);
  const env = { WEFT_SOCKET: socketPath };
  t.is((await run(['status', '--json'], { env })).out, `${JSON.stringify(FAKE_STATUS)}\n`);
  t.regex((await run(['--socket', '/nowhere', 'status'], { env })).err, /answers on \/nowhere: /);
  t.regex((await run(['status'], { env: { WEFT_SOCKET: '/other' } })).err, /answers on \/other: /);
  for (const path of ['', 'x'.repeat(108)]) {
    t.regex(
      (await run(['status', '--socket', path], { env })).err,
      /^weft: the path of the API socket has \d+ bytes; give/,
    );
  }
});

test('attach sends what was given, and prints the endpoint', async t => {
  const { ask, node } = await serve(t);
  const argv = [
    'attach',
    './web',
    '--network',
    'blue',
    '--address',
    '198.18.0.2/24',
    '--address',
    '2001:db8::2/64',
  ];
  const routes = ['--route', '0.0.0.0/0,198.18.0.1', '--route', '10.0.0.0/8'];
  const { code, out } = await ask(...argv, '--ifname', 'net1', '--mac', '02-00-5e-10-00-09', ...routes);
  t.is(code, 0);
  t.is(out, 'attached /somewhere/web to blue: net1 02:00:5e:10:00:09 198.18.0.2/24 2001:db8::2/64\n');
  t.deepEqual(node.requests, [
    {
      netns: '/somewhere/web',
      network: 'blue',
      addresses: ['198.18.0.2/24', '2001:db8::2/64'],
      ifname: 'net1',
      mac: '02:00:5e:10:00:09',
      routes: [{ dst: '0.0.0.0/0', gateway: '198.18.0.1' }, { dst: '10.0.0.0/8' }],
    },
  ]);
  const { out: json } = await ask('attach', '4711', '--network', 'green', '--json');
  t.like(JSON.parse(json), { netns: '4711', network: 'green', ifname: 'eth0', addresses: [], attach: 'tap' });
});

test('attach sends the names of a container, and whether it wants others answered', async t => {
  const { ask, node } = await serve(t);
  const argv = ['attach', 'web', '--network', 'blue', '--name', 'Web', '--name', 'web-1', '--no-resolver'];
  t.is((await ask(...argv)).out, 'attached web to blue: eth0 02:00:5e:10:00:02 web web-1\n');
  t.like(node.requests[0], { names: ['web', 'web-1'], resolver: false });
  const { err } = await ask('attach', 'web', '--network', 'blue', '--name', 'a.b');
  t.regex(err, /cannot attach: name: "a\.b" cannot be the name of a container in DNS; use 1 to 63/);
});

test('detach succeeds whether or not there is something', async t => {
  const { ask } = await serve(t);
  const argv = ['detach', 'web', '--network', 'blue'];
  t.deepEqual(await ask(...argv), { code: 0, out: 'detached web from blue\n', err: '' });
  t.deepEqual(await ask(...argv), { code: 0, out: 'web was not attached to blue\n', err: '' });
  t.deepEqual(await ask(...argv, '--json'), { code: 0, out: '{"removed":false}\n', err: '' });
});

test('fdb --explain asks for what was given, and prints it as people or programs want it', async t => {
  const { ask, node } = await serve(t);
  const { mac } = FAKE_EXPLANATION;
  const { code, out } = await ask('fdb', '--explain', mac);
  t.is(code, 0);
  t.regex(out, /^02:00:5e:10:00:03 in blue \(VNI 42\)\nentry {6}VTEP 192\.0\.2\.2, gossip, 2m 5s old\n/);
  t.regex(out, /\nOWNER +VTEP +ADDRESSES +COUNTER +FLAGS +STANDING +SINCE +DATAPLANE +WHY\nvm-b /);
  t.regex(out, /\n\nFrames to it go to vm-b at VTEP 192\.0\.2\.2, [^\n]*\.\n$/);
  const json = await ask('fdb', '--explain', '02-00-5E-10-00-03', '--network', 'blue', '--json');
  t.is(json.out, `${JSON.stringify(FAKE_EXPLANATION)}\n`);
  t.deepEqual(node.requests, [
    { mac, network: undefined },
    { mac, network: 'blue' },
  ]);
});

test('network create asks for what was said, and prints the network', async t => {
  const { ask, node } = await serve(t);
  t.is((await ask('network', 'create', 'red')).out, 'made network red: VNI 1048576\n');
  const all = ['--vni', '42', '--subnet', '198.18.0.0/16', '--subnet6', '2001:db8::/64', '--attach', 'tap'];
  const { out } = await ask('network', 'create', 'red', ...all, '--mtu', '1400');
  t.is(out, 'made network red: VNI 42 198.18.0.0/16 2001:db8::/64\n');
  const red = { name: 'red', attach: 'bridge', mtu: 'auto' };
  t.like(node.requests[0], { ...red, vni: undefined, subnet: undefined, subnet6: undefined });
  const given = { vni: 42, subnet: '198.18.0.0/16', subnet6: '2001:db8::/64', attach: 'tap', mtu: 1400 };
  t.like(node.requests[1], { ...red, ...given });
  const json = JSON.parse((await ask('network', 'create', 'red', '--json')).out);
  t.like(json, { name: 'red', source: 'created', carried: false });
});

test('network rm says whether there was something to remove; ls and show print what is there', async t => {
  const { ask, node } = await serve(t);
  t.is((await ask('network', 'rm', 'green')).out, 'removed network green\n');
  t.is((await ask('network', 'rm', 'red')).out, 'there is no network red: nothing to remove\n');
  t.is((await ask('network', 'rm', 'red', '--json')).out, '{"removed":false}\n');
  t.is((await ask('network', 'ls')).out, (await ask('networks')).out);
  const [blue] = await node.networks();
  t.deepEqual(JSON.parse((await ask('network', 'show', 'blue', '--json')).out), blue);
  t.regex(
    (await ask('network', 'show', 'blue')).out,
    /^network {2}blue \(VNI 42\)\nsource {3}the configuration of/,
  );
});

test('release says whether there was something to release', async t => {
  const { ask, node } = await serve(t);
  const argv = (mac: string) => ['release', mac, '--network', 'blue'];
  t.deepEqual(await ask(...argv('02-00-5E-10-00-03')), {
    code: 0,
    out: 'released 02:00:5e:10:00:03 in blue: it may move again\n',
    err: '',
  });
  t.deepEqual(await ask(...argv('02:00:5e:10:00:02')), {
    code: 0,
    out: '02:00:5e:10:00:02 is not frozen in blue: nothing to release\n',
    err: '',
  });
  t.is((await ask(...argv('02:00:5e:10:00:02'), '--json')).out, '{"released":false}\n');
  t.deepEqual(node.requests[0], { mac: '02:00:5e:10:00:03', network: 'blue' });
});

test('gossip keys asks for what was given, a key also from standard input, and prints no key', async t => {
  const { ask, node, socketPath } = await serve(t);
  const key = 'AAECAwQFBgcICQoLDA0ODw==';
  const { out } = await ask('gossip', 'keys', 'list');
  t.regex(
    out,
    /^KEY +ON +USED-BY +NOT-ON\n630dcd2966c43366 +2 of 2 +2 of 2 +-\nbe45cb2605bf36be +1 of 2 +0 of 2 +vm-b\n$/,
  );
  t.deepEqual(JSON.parse((await ask('gossip', 'keys', 'list', '--json')).out), FAKE_KEYS);
  const added = await ask('gossip', 'keys', 'add', key);
  t.deepEqual(added, { code: 0, out: 'added the key on 2 of 2 nodes\n', err: '' });
  await run(['gossip', 'keys', 'use', '-', '--socket', socketPath], {
    readInput: () => Promise.resolve(`${key}\n`),
  });
  await ask('gossip', 'keys', 'remove', '630dcd2966c43366');
  t.deepEqual(node.requests.slice(2), [
    { operation: 'add', key },
    { operation: 'use', key },
    { operation: 'remove', key: '630dcd2966c43366' },
  ]);
  const wrong = await ask('gossip', 'keys', 'add', 'secret'.repeat(20));
  t.deepEqual([wrong.code, wrong.out], [1, '']);
  t.notRegex(wrong.err, /secret/);
});

test('gossip keys fails when a node has not done it, and says which', async t => {
  class HalfNode extends FakeNode {
    override async gossipKeys() {
      const [first, second] = FAKE_KEYS.nodes;
      if (first === undefined || second === undefined) throw new Error('no nodes');
      return { nodes: [first, { ...second, ok: false, message: 'it does not answer' }] };
    }
  }
  const { ask } = await serve(t, new HalfNode());
  t.deepEqual(await ask('gossip', 'keys', 'use', '630dcd2966c43366'), {
    code: 1,
    out: 'the key is used on 1 of 2 nodes\nvm-b: it does not answer\n',
    err: 'weft: 1 of 2 nodes did not: vm-b: it does not answer; mend it and do it again: nodes that have done it are not changed by it\n',
  });
});

test('what is refused is one line on stderr and exit 1', async t => {
  const { ask } = await serve(t);
  const table: readonly (readonly [string[], string])[] = [
    [
      ['attach', 'web', '--network', 'red'],
      'there is no network "red" on this node; known ones: blue, green',
    ],
    [
      ['network', 'create', 'red', '--vni', 'x'],
      'cannot make the network: VNI: "x" is not a VNI; write a whole number from 1 to 16777215, without quotes',
    ],
    [
      ['network', 'create', 'red', '--subnet6', '198.18.0.0/16'],
      'cannot make the network: subnet6: "198.18.0.0/16" is not an IPv6 subnet; write one as in 2001:db8:1::/64, and that of IPv4 as subnet',
    ],
    [
      ['network', 'create', 'red', '--subnet', '2001:db8::/64', '--subnet6', '2001:db8:1::/64'],
      'cannot make the network: it would have two subnets of IPv6; give one of IPv4 as subnet, or leave one of the two away',
    ],
    [['network', 'show', 'red'], 'there is no network "red" on this node; known ones: blue, green'],
    [
      ['attach', 'web', '--network', 'blue', '--mac', '01:00:00:00:00:00'],
      'cannot attach: MAC: "01:00:00:00:00:00" is not the MAC address of one interface; choose a locally administered unicast one, as in 02:00:5e:10:00:01',
    ],
    [
      ['fdb', '--explain', '02:00:5e:10:00:77'],
      'nothing is known of 02:00:5e:10:00:77 in any network of this node; compare it with weft endpoints',
    ],
    [
      ['fdb', '--explain', '01:00:5e:10:00:01'],
      'cannot explain: MAC: "01:00:5e:10:00:01" is not the MAC address of one interface; give one of weft endpoints or weft fdb',
    ],
    [
      ['release', 'web', '--network', 'blue'],
      'cannot release: MAC: "web" is not a MAC address; write six bytes in hexadecimal, as in 02:00:5e:10:00:01',
    ],
    [
      ['detach', 'a\nb', '--network', 'blue'],
      'cannot detach: namespace: "a\\nb" is not a namespace; give a name of ip netns, a path or a PID',
    ],
  ];
  for (const [argv, line] of table) {
    t.deepEqual(await ask(...argv), { code: 1, out: '', err: `weft: ${line}\n` });
  }
});

test('config check prints every problem on stdout, and one line on stderr', async t => {
  const file = join(await tempDirectory(t), 'weft.yaml');
  await writeFile(file, 'node: {name: vm-a}\n');
  t.deepEqual(await run(['config', 'check', file]), { code: 0, out: `${file}: ok\n`, err: '' });
  await writeFile(file, 'node: {name: vm-a}\nvxlan: {prot: 1}\nlgo: {}\n');
  t.deepEqual(await run(['config', 'check', file]), {
    code: 1,
    out: `${file}:2: vxlan.prot: unknown key; did you mean "port"?\n${file}:3: lgo: unknown key; did you mean "log"?\n`,
    err: `weft: ${file}: 2 problems; correct what is listed above\n`,
  });
  const { code, out, err } = await run(['config', 'check', `${file}.missing`]);
  t.is(code, 1);
  t.is(out, '');
  t.regex(err, /^weft: .*missing: cannot be read: no such file; copy [^\n]*\n$/);
});

test('daemon hands its options on, and a failure is one line', async t => {
  const seen: DaemonOptions[] = [];
  const runDaemon = async (options: DaemonOptions) => {
    seen.push(options);
  };
  t.is((await run(['daemon'], { runDaemon, env: { WEFT_SOCKET: '/ignored' } })).code, 0);
  t.is((await run(['daemon', '--config', 'x.yaml'], { runDaemon })).code, 0);
  t.is((await run(['daemon', '--take-over'], { runDaemon })).code, 0);
  t.deepEqual(seen, [
    { configPath: undefined, takeOver: false },
    { configPath: 'x.yaml', takeOver: false },
    { configPath: undefined, takeOver: true },
  ]);
  const failures: readonly (readonly [Error, string])[] = [
    [
      new WeftError('conflict', 'port taken', { hint: 'stop the other' }),
      'weft: port taken; stop the other\n',
    ],
    [new TypeError('x\nis undefined'), 'weft: internal error: x is undefined; please report it\n'],
  ];
  for (const [error, err] of failures) {
    t.deepEqual(await run(['daemon'], { runDaemon: () => Promise.reject(error) }), { code: 1, out: '', err });
  }
});

test('--watch redraws on a terminal, adds below elsewhere, and prints one document a line with --json', async t => {
  const { socketPath } = await serve(t);
  const watch = async (isTTY: boolean, ...flags: string[]) => {
    const clock = new ManualClock();
    const controller = new AbortController();
    let out = '';
    const write = (text: string) => {
      out += text;
      // The requests use this clock as well: go on only when the second answer is out.
      if (out.split('vm-b').length > 2) controller.abort();
      else setImmediate(() => clock.advance(1000));
    };
    const argv = ['peers', '--watch', '--socket', socketPath, ...flags];
    const { code } = await run(argv, {
      clock,
      stdout: { isTTY, write },
      interrupted: () => controller.signal,
    });
    t.is(code, 0);
    return out;
  };
  const { out: table } = await run(['peers', '--socket', socketPath]);
  const { out: json } = await run(['peers', '--json', '--socket', socketPath]);
  t.is(await watch(true), `\x1b[H\x1b[J${table}`.repeat(2));
  t.is(await watch(false), `${table}\n`.repeat(2));
  t.is(await watch(true, '--json'), json.repeat(2));
});

test('doctor exits with 1 when there are problems, and says them on standard output', async t => {
  const { ask } = await serve(t);
  const { code, out, err } = await ask('doctor', '--config', '/nowhere/weft.yaml');
  t.is(code, 1);
  t.is(err, '');
  t.regex(out, /^error {4}link-missing: wf-blue, the bridge of network blue, is gone/m);
  t.regex(out, /^vm-a: \d problems$/m);
  const wrong = await ask('doctor', '--fix=more');
  t.is(wrong.code, 2);
  t.regex(wrong.err, /Allowed choices are safe, all/);
});

test('doctor examines the host when no daemon answers', async t => {
  const { code, out } = await run(['doctor', '--json', '--socket', '/nowhere/api.sock']);
  t.is(code, 1);
  t.like(JSON.parse(out), { node: null, healthy: false, findings: [{ verdict: 'daemon-down' }] });
});
