/**
 * What an operator can get wrong: one clear line on standard error, exit 1, nothing half-made.
 *
 *   one machine `a`; a second daemon on it, and a third machine that takes a name twice, where the test needs them
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { Host } from '../lab/host.ts';
import { Lab } from '../lab/lab.ts';
import type { CommandResult } from '../lab/run-command.ts';
import { type Vm, weftCommand } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { weftConfig } from '../lab/weft-config.ts';
import type { PeerReport, StatusReport } from '../operations.ts';
import { CONFIG_MISTAKES, validConfig } from './config-mistakes.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addAttached,
  addWeftVm,
  assertPing,
  BLUE,
  localEndpoints,
  startPair,
  waitForPeer,
} from './overlay.ts';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
/** Debian's `nobody`. */
const NOBODY = '65534';

/** Asserts exit 1 and exactly one line on standard error, which matches all patterns. */
function assertRefused(t: ExecutionContext, result: CommandResult, ...patterns: readonly RegExp[]): void {
  const shown = `exit ${result.code} ${result.signal ?? ''}\n${result.stderr}`;
  t.is(result.code, 1, shown);
  t.is(result.stderr.trimEnd().split('\n').length, 1, `not one line:\n${shown}`);
  t.true(result.stderr.endsWith('\n') && result.stderr.trim().length > 10, shown);
  for (const pattern of patterns) t.regex(result.stderr, pattern);
}

/** Everything a daemon could leave: interfaces with their attachments, and files. */
async function snapshot(vm: Vm, ...hosts: readonly Host[]): Promise<unknown> {
  const links = await Promise.all(
    [vm, ...hosts].map(async host =>
      (await host.links()).map(({ ifname, ifindex, mtu, master }) => ({ ifname, ifindex, mtu, master })),
    ),
  );
  return { links, files: readdirSync(vm.directory, { recursive: true, encoding: 'utf8' }).sort() };
}

/** Runs a daemon that must refuse to start, and asserts that it leaves nothing. */
async function assertDaemonRefuses(
  t: ExecutionContext,
  vm: Vm,
  command: readonly string[],
  ...patterns: readonly RegExp[]
): Promise<void> {
  const before = await snapshot(vm);
  const [program, ...args] = command as [string, ...string[]];
  assertRefused(t, await vm.exec(program, args, { check: false, timeoutMs: 20_000 }), ...patterns);
  t.deepEqual(await snapshot(vm), before, 'something was left');
}

async function oneVm(
  t: ExecutionContext,
  name: string,
  body: (a: Vm, lab: Lab) => Promise<void>,
): Promise<void> {
  await inLab(t, name, async lab => await body(await lab.addVm('a', { underlay: '192.0.2.1/24' }), lab));
}

let shared: { lab: Lab; a: Vm } | undefined;
test.before(async () => {
  const lab = await Lab.create({ name: 'mistakes' });
  shared = { lab, a: await lab.addVm('a', { underlay: '192.0.2.1/24' }) };
});
test.after.always(async () => await shared?.lab.destroy());

for (const { title, mistake, patterns, needsMachine } of CONFIG_MISTAKES) {
  test.serial(`config: ${title}`, async t => {
    const a = shared?.a;
    if (a === undefined) throw new Error('the lab is missing');
    a.writeConfig(mistake(validConfig(a.directory)));
    await assertDaemonRefuses(t, a, weftCommand('daemon', '--config', a.configPath), ...patterns);
    if (needsMachine === true) return;
    // `config check` lists all problems on standard output, and says on standard error how many there are.
    const checked = await a.weft(['config', 'check', a.configPath], { check: false });
    assertRefused(t, checked, /problem/);
    for (const pattern of patterns) t.regex(checked.stdout, pattern);
  });
}

test('config check accepts the configuration that the mistakes are made in, and the daemon starts with it', async t => {
  await oneVm(t, 'valid', async a => {
    a.writeConfig(validConfig(a.directory));
    t.is((await a.weft(['config', 'check', a.configPath])).stderr, '');
    await a.restartWeft();
    t.is((await a.weftJson<StatusReport>('status')).node.name, 'a');
  });
});

test('config: a file that is missing, or is a directory', async t => {
  await oneVm(t, 'no-file', async a => {
    await assertDaemonRefuses(
      t,
      a,
      weftCommand('daemon', '--config', '/nonexistent/weft.yaml'),
      /nonexistent/,
    );
    await assertDaemonRefuses(t, a, weftCommand('daemon', '--config', a.directory), /directory/i);
  });
});

test('a second daemon on the same socket, VXLAN port or gossip port is refused, the first goes on', async t => {
  await oneVm(t, 'second', async a => {
    await a.startWeft({ networks: [BLUE] });
    const c1 = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
    const other = {
      paths: { state: `${a.directory}/state2`, run: `${a.directory}/run2` },
      vxlan: { port: 4790 },
      gossip: { port: 7947 },
    };
    const same = weftConfig(a, { networks: [] });
    const cases = [
      {
        override: { ...other, paths: { ...other.paths, run: `${a.directory}/run` } },
        pattern: /api\.sock|run\b/,
      },
      { override: { ...other, vxlan: { port: 4789 } }, pattern: /4789/ },
      { override: { ...other, gossip: { port: 7946 } }, pattern: /7946/ },
    ];
    for (const { override, pattern } of cases) {
      const networks = [{ name: 'green', vni: 44 }];
      const config = { ...same, ...override, node: { name: 'a2', underlay: a.underlay }, networks };
      const path = `${a.directory}/second.yaml`;
      a.writeConfig(JSON.stringify(config), path);
      await assertDaemonRefuses(t, a, weftCommand('daemon', '--config', path), pattern);
      t.is((await a.weftJson<StatusReport>('status')).node.name, 'a');
    }
    t.true(a.daemon.running);
    t.is((await localEndpoints(a)).length, 1);
    t.true((await c1.link('eth0')).flags.includes('UP'));
  });
});

test('a daemon without root is refused', async t => {
  await oneVm(t, 'no-root', async a => {
    a.writeConfig(validConfig(a.directory));
    // The checkout may lie where only root can read: it is shown to the user at another place.
    const view = `${a.directory}/checkout`;
    const [node, ...args] = weftCommand('daemon', '--config', a.configPath);
    const moved = args.map(arg => arg.replace(REPOSITORY, `${view}/`));
    const drop = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--inh-caps=-all'];
    const script = 'mkdir -p "$1" && mount --bind "$2" "$1" && cd / && shift 2 && exec "$@"';
    await a.exec('mkdir', ['-p', view]);
    const command = [
      'unshare',
      '--mount',
      'sh',
      '-c',
      script,
      'sh',
      view,
      REPOSITORY,
      ...drop,
      node,
      ...moved,
    ];
    await assertDaemonRefuses(t, a, command, /root|CAP_NET_ADMIN/);
  });
});

for (const [title, hide] of [
  ['is missing', 'mount -t tmpfs none /dev/net'],
  ['is no TUN device', 'mount --bind /dev/null /dev/net/tun'],
] as const) {
  test(`a daemon is refused where /dev/net/tun ${title}`, async t => {
    await oneVm(t, 'no-tun', async a => {
      a.writeConfig(validConfig(a.directory));
      const daemon = weftCommand('daemon', '--config', a.configPath);
      const command = ['unshare', '--mount', 'sh', '-c', `${hide} && exec "$@"`, 'sh', ...daemon];
      await assertDaemonRefuses(t, a, command, /\/dev\/net\/tun/);
    });
  });
}

for (const name of ['wf-blue', 'wt-blue']) {
  test(`a daemon is refused where the interface ${name} is somebody else's, which stays`, async t => {
    await oneVm(t, `taken-${name}`, async a => {
      a.writeConfig(validConfig(a.directory));
      await a.ip(`link add name ${name} type veth peer name other`);
      await assertDaemonRefuses(t, a, weftCommand('daemon', '--config', a.configPath), new RegExp(name));
    });
  });
}

for (const mode of ATTACH_MODES) {
  test(`attach (${mode}): missing namespace, unknown network, bad address, MAC or name, occupied interface`, async t => {
    await inLab(t, `attach-${mode}`, async lab => {
      const a = await addWeftVm(lab, 1, { attach: mode });
      const used = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
      const c2 = await a.addContainer('c2');
      const occupied = await a.addContainer('c3');
      await occupied.ip('link add eth0 type veth peer name other');
      const before = await snapshot(a, used, c2, occupied);
      const blue = ['--network', 'blue'];
      const cases: readonly (readonly [RegExp, ...string[]])[] = [
        [/no-such-netns/, 'no-such-netns', ...blue],
        [/\/run\/netns\/no-such/, '/run/netns/no-such', ...blue],
        [/4194305/, '4194305', ...blue],
        [/\/dev\/null/, '/dev/null', ...blue],
        [/green/, c2.netns, '--network', 'green'],
        [/198\.18\.0\.300/, c2.netns, ...blue, '--address', '198.18.0.300/24'],
        [/198\.18\.0\.9\/99/, c2.netns, ...blue, '--address', '198.18.0.9/99'],
        [/02:00/, c2.netns, ...blue, '--mac', '02:00'],
        // The multicast bit is set.
        [/03:00:00:00:00:01/, c2.netns, ...blue, '--mac', '03:00:00:00:00:01'],
        // IFNAMSIZ is 16, with the terminating zero.
        [/a-name-too-long-/, c2.netns, ...blue, '--ifname', 'a-name-too-long-'],
        [/eth0/, occupied.netns, ...blue, '--address', '198.18.0.3/24'],
      ];
      for (const [pattern, ...args] of cases) {
        assertRefused(t, await a.weft(['attach', ...args], { check: false }), pattern);
        t.deepEqual(await snapshot(a, used, c2, occupied), before, `left by: attach ${args.join(' ')}`);
      }
      t.is((await localEndpoints(a)).length, 1);
    });
  });
}

test('the command line: no daemon is one line and exit 1, wrong usage is exit 2', async t => {
  await oneVm(t, 'usage', async a => {
    for (const table of ['status', 'peers', 'fdb', 'networks', 'endpoints', 'drops']) {
      const result = await a.weft([table, '--json'], {
        check: false,
        env: { WEFT_SOCKET: '/nonexistent/api.sock' },
      });
      assertRefused(t, result, /\/nonexistent\/api\.sock/);
    }
    for (const args of [['attach'], ['attach', 'x'], ['no-such-command'], ['status', '--no-such-option']]) {
      const result = await a.weft(args, { check: false });
      t.is(result.code, 2, `weft ${args.join(' ')}: exit ${result.code}\n${result.stderr}`);
      t.not(result.stderr, '');
    }
  });
});

test('a node name that is taken in the pool: the newcomer is refused, the pool is as it was', async t => {
  await inLab(t, 'duplicate', async lab => {
    const { a, b } = await startPair(lab);
    const c = await lab.addVm('c', { underlay: '192.0.2.3/24' });
    const config = weftConfig(c, { networks: [BLUE], join: [b.underlay], nodeName: 'a' });
    c.writeConfig(JSON.stringify(config));
    const links = (await c.links()).map(({ ifname }) => ifname);
    const newcomer = c.spawnDaemon(c.configPath);
    await waitFor(() => !newcomer.running, { what: 'the newcomer to give up', timeoutMs: 20_000 });
    const end = await newcomer.ended;
    assertRefused(t, { ...end, stdout: newcomer.stdout, stderr: newcomer.stderr }, /\ba\b/, /192\.0\.2\.1/);
    t.deepEqual(
      (await c.links()).map(({ ifname }) => ifname),
      links,
    );
    await waitForPeer(b, 'a', 'alive');
    const peers = await b.weftJson<PeerReport[]>('peers');
    t.deepEqual(
      peers.map(({ name, address, state }) => ({ name, address, state })),
      [{ name: 'a', address: a.underlay, state: 'alive' }],
    );
    const c1 = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
    const c2 = await addAttached(b, 'c1', { addresses: ['198.18.0.2/24'] });
    await assertPing(t, c1, '198.18.0.2');
    await assertPing(t, c2, '198.18.0.1');
  });
});
