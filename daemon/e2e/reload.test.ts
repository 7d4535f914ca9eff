/**
 * A configuration that changes while traffic runs: what is unchanged notices nothing, what is wrong changes nothing.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] ══ [ weft b ] ── b-c1 198.18.0.2     pings and a TCP stream, both all the time
 */
import { readFileSync, writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import type { Container } from '../lab/container.ts';
import type { Lab } from '../lab/lab.ts';
import { SystemdHost } from '../lab/systemd-host.ts';
import { IN_UNITS } from '../lab/unit-process.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { weftConfig } from '../lab/weft-config.ts';
import type { ConfigReport } from '../reload/config-operations.ts';
import { inLab } from './in-lab.ts';
import { addAttached, addWeftVm, BLUE, startPair, waitForPeer, waitForPing } from './overlay.ts';

const GREEN = { name: 'green', vni: 43, subnet: '198.19.0.0/24', attach: 'bridge' as const };
const PINGS_A_SECOND = 100;

interface ConfigFile {
  node: object;
  networks: Record<string, unknown>[];
  gossip: object;
  log?: object;
  metrics?: object;
  vxlan?: object;
}

/** Writes what `change` makes of the configuration of the machine beside it. Returns the path. */
function variant(vm: Vm, name: string, change: (config: ConfigFile) => void): string {
  const config = JSON.parse(readFileSync(vm.configPath, 'utf8')) as ConfigFile;
  change(config);
  const path = `${vm.configPath}.${name}`;
  writeFileSync(path, JSON.stringify(config));
  return path;
}

async function shown(vm: Vm): Promise<ConfigReport> {
  return JSON.parse((await vm.weft(['config', 'show', '--json'])).stdout) as ConfigReport;
}

const namesOn = async (vm: Vm) => (await vm.api.networks()).map(({ name }) => name);

async function joined(lab: Lab): Promise<{ a: Vm; b: Vm; near: Container; far: Container }> {
  const { a, b } = await startPair(lab);
  const near = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
  const far = await addAttached(b, 'c1', { addresses: ['198.18.0.2/24'] });
  await waitForPing(near, '198.18.0.2');
  return { a, b, near, far };
}

/** Runs `work` while pings and a stream of TCP cross the tunnel; nothing of them may be lost. */
async function underTraffic(
  t: ExecutionContext,
  { near, far }: { near: Container; far: Container },
  work: () => Promise<void>,
): Promise<void> {
  const server = far.spawn('iperf3', ['-s', '-1']);
  await waitFor(async () => (await far.exec('ss', ['-ltn'])).stdout.includes(':5201'), {
    what: 'iperf3 to listen',
  });
  const stream = near.spawn('iperf3', [
    '-c',
    '198.18.0.2',
    '-t',
    '600',
    '-i',
    '1',
    '-b',
    '200M',
    '--forceflush',
  ]);
  const pings = near.spawn('ping', ['-D', '-i', String(1 / PINGS_A_SECOND), '198.18.0.2']);
  const answers = () => pings.stdout.split(' bytes from ').length;
  await waitFor(() => answers() > PINGS_A_SECOND, { what: 'pings to be answered' });
  await work();
  const after = answers();
  await waitFor(() => answers() > after + PINGS_A_SECOND, { what: 'pings to be answered afterwards' });
  pings.signal('SIGINT');
  await pings.ended;
  stream.signal('SIGINT');
  await stream.ended;
  await server.ended;
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(pings.stdout) ?? [];
  // The last one was on its way.
  t.true(Number(sent) - Number(received) <= 1, pings.stdout.split('\n').slice(-4).join('\n'));
  // Intervals have a congestion window at the end of the line, the summary has none.
  const seconds = [...stream.stdout.matchAll(/Bytes\s+([\d.]+) [KMG]?bits\/sec\s+\d+\s+[\d.]+ [KMG]?Bytes/g)];
  t.true(seconds.length > 1, stream.stdout + stream.stderr);
  for (const [line, rate] of seconds) t.true(Number(rate) > 0, line);
}

test('reload: a network, a VTEP and an address to join come and go, limits and log level change, and no frame is lost', async t => {
  t.timeout(300_000);
  await inLab(t, 'reload', async lab => {
    const { a, b, near, far } = await joined(lab);
    const before = readFileSync(a.configPath, 'utf8');
    await underTraffic(t, { near, far }, async () => {
      const more = (config: ConfigFile) => {
        config.networks = [
          { ...config.networks[0], bum_rate: 50, static_vteps: ['192.0.2.9'] },
          { ...GREEN, bum_rate: 7 },
        ];
        config.log = { level: 'info' };
        config.gossip = { ...config.gossip, join: ['192.0.2.2', '192.0.2.7'] };
        config.metrics = { listen: '127.0.0.1:9473' };
      };
      const applied = await a.weft(['config', 'apply', variant(a, 'more', more)]);
      t.regex(applied.stdout, /networks\[green\]: added, VNI 43/);
      t.regex(applied.stdout, /networks\[blue\]\.bum_rate: 1000 -> 50/);
      t.regex(applied.stdout, /log\.level: debug -> info/);
      t.deepEqual(await namesOn(a), ['blue', 'green']);
      const [blue] = await a.api.networks();
      t.deepEqual(blue?.vteps.toSorted(), ['192.0.2.2', '192.0.2.9']);
      await b.weft(['config', 'apply', variant(b, 'more', config => config.networks.push(GREEN))]);
      // The new network carries frames.
      const green = { network: 'green', ifname: 'eth1' };
      await a.weft([
        'attach',
        near.netns,
        '--network',
        'green',
        '--ifname',
        'eth1',
        '--address',
        '198.19.0.1/24',
      ]);
      await b.weft([
        'attach',
        far.netns,
        '--network',
        'green',
        '--ifname',
        'eth1',
        '--address',
        '198.19.0.2/24',
      ]);
      await waitForPing(near, '198.19.0.2');
      // Nothing goes under containers.
      writeFileSync(`${a.configPath}.less`, before);
      const refused = await a.weft(['config', 'apply', `${a.configPath}.less`], { check: false });
      t.is(refused.code, 1);
      t.regex(refused.stderr, /network "green" has containers on this node: .* eth1/);
      t.deepEqual(await namesOn(a), ['blue', 'green']);
      for (const [vm, container] of [
        [a, near],
        [b, far],
      ] as const) {
        await vm.weft(['detach', container.netns, '--network', green.network, '--ifname', green.ifname]);
      }
      await a.weft(['config', 'apply', `${a.configPath}.less`]);
      t.deepEqual(await namesOn(a), ['blue']);
      t.false((await a.links()).some(({ ifname }) => ifname === 'wf-green'));
      t.is(readFileSync(a.configPath, 'utf8'), before, 'kept for the next start');
      await waitFor(async () => (await a.api.networks())[0]?.vteps.join() === '192.0.2.2', {
        what: 'the VTEP to go',
      });
    });
  });
});

test('reload: a wrong file and keys that need a restart are refused whole; SIGHUP takes the file', async t => {
  await inLab(t, 'reload-refused', async lab => {
    const a = await addWeftVm(lab, 1);
    const before = readFileSync(a.configPath, 'utf8');
    const apply = async (name: string, change: (config: ConfigFile) => void) =>
      await a.weft(['config', 'apply', variant(a, name, change)], { check: false });
    const wrong = await apply('wrong', config => {
      config.networks.push({ ...GREEN, vni: 'none' });
    });
    t.is(wrong.code, 1);
    const daemon = await a.weft(['daemon', '--config', `${a.configPath}.wrong`], { check: false });
    t.is(wrong.stderr, daemon.stderr, 'the error that the daemon would start with');
    const restart = await apply('restart', config => {
      config.networks.push(GREEN);
      config.node = { ...config.node, name: 'other' };
      config.vxlan = { port: 4790 };
    });
    t.is(restart.code, 1);
    t.regex(restart.stderr, /node\.name, vxlan\.port change only with a restart/);
    t.deepEqual(await namesOn(a), ['blue']);
    t.is(readFileSync(a.configPath, 'utf8'), before);
    const metric = async () =>
      /^weft_config_last_reload_successful (\d)$/m.exec((await a.weft(['metrics'])).stdout)?.[1];
    t.is(await metric(), '0');
    a.writeConfig(
      readFileSync(
        variant(a, 'green', config => config.networks.push(GREEN)),
        'utf8',
      ),
    );
    a.hangUp();
    await waitFor(async () => (await namesOn(a)).includes('green'), { what: 'the file to be taken' });
    await waitFor(async () => (await metric()) === '1', { what: 'the metric' });
    // A restart with the file is the same.
    await a.kill9();
    await a.restartWeft();
    t.deepEqual(await namesOn(a), ['blue', 'green']);
  });
});

test('reload: --confirm takes it back by itself, and keeps what is confirmed', async t => {
  await inLab(t, 'reload-confirm', async lab => {
    const a = await addWeftVm(lab, 1);
    const before = readFileSync(a.configPath, 'utf8');
    const own = await a.weft(['config', 'apply', a.configPath, '--confirm', '60s'], { check: false });
    t.regex(own.stderr, /is the file that the daemon starts from/);
    const green = variant(a, 'green', config => config.networks.push(GREEN));
    await a.weft(['config', 'apply', green, '--confirm', '10s']);
    t.deepEqual(await namesOn(a), ['blue', 'green']);
    t.deepEqual((await shown(a)).pending?.changes, ['networks[green]: added, VNI 43']);
    // Containers that came meanwhile keep their interfaces, and the network as long as they stay.
    const c1 = await addAttached(a, 'c1', { network: 'green', addresses: ['198.19.0.1/24'] });
    await waitFor(async () => (await shown(a)).pending === null, {
      what: 'it to be rolled back',
      timeoutMs: 30_000,
    });
    t.regex((await shown(a)).refused ?? '', /rolled back/);
    t.is((await c1.link('eth0')).ifname, 'eth0');
    await a.weft(['detach', c1.netns, '--network', 'green']);
    await waitFor(async () => !(await a.links()).some(({ ifname }) => ifname === 'wf-green'), {
      what: 'the network to be let go',
      timeoutMs: 15_000,
    });
    t.is(readFileSync(a.configPath, 'utf8'), before);
    await a.weft(['config', 'apply', green, '--confirm', '60s']);
    t.regex((await a.weft(['config', 'confirm'])).stdout, /confirmed, and kept in/);
    t.is((await shown(a)).pending, null);
    t.is(readFileSync(a.configPath, 'utf8'), readFileSync(green, 'utf8'));
    t.deepEqual(await namesOn(a), ['blue', 'green']);
  });
});

// Inside of a systemd that was made for the tests there is no room for another one.
const outside = IN_UNITS ? test.skip : test;

outside('reload: systemctl reload, hardened as the unit is; the status tells what was refused', async t => {
  t.timeout(300_000);
  await inLab(t, 'reload-systemd', async lab => {
    const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
    const host = await SystemdHost.boot(a);
    const config = (networks: readonly object[]) =>
      JSON.stringify({
        ...(weftConfig(a, { networks: [BLUE], override: { paths: {} } }) as object),
        networks,
      });
    const file = '/etc/weft/weft.yaml';
    await host.write(file, config([BLUE]));
    await host.exec('systemctl', ['start', 'weft.service']);
    const b = await addWeftVm(lab, 2);
    await waitForPeer(b, 'a', 'alive');
    const pid = await host.property('weft.service', 'MainPID');
    const status = async () => await host.property('weft.service', 'StatusText');
    await host.write(file, config([BLUE, GREEN]));
    await host.exec('systemctl', ['reload', 'weft.service']);
    await waitFor(async () => (await status()).includes('2 networks'), { what: 'the network to come' });
    await waitFor(async () => (await host.property('weft.service', 'ActiveState')) === 'active', {
      what: 'the reload to be over',
    });
    await host.write(file, config([{ ...BLUE, vni: 'none' }]));
    await host.exec('systemctl', ['reload', 'weft.service']);
    await waitFor(async () => /2 networks.*reload refused: .*vni/.test(await status()), {
      what: 'the refusal',
    });
    // The command writes the file, which the hardened service could not.
    await host.write('/root/new.yaml', config([BLUE]));
    await host.exec('weft', ['config', 'apply', '/root/new.yaml']);
    t.is((await host.exec('cat', [file])).stdout, config([BLUE]));
    await waitFor(async () => /1 networks; 0 containers$/.test(await status()), {
      what: 'the status to be well',
    });
    t.is(await host.property('weft.service', 'MainPID'), pid);
  });
});
