/**
 * The way out of an overlay: each VM is the gateway of the containers on it.
 *
 *   a-c1, a-c2 ── [ weft a: 198.18.0.1 ] ══╗
 *   b-c1 ──────── [ weft b: 198.18.0.1 ] ══╬══ switch
 *                             outside ─────╝   192.0.2.99, knows nothing of 198.18.0.0/24
 */
import test from 'ava';
import { Capture } from '../lab/capture.ts';
import type { Container } from '../lab/container.ts';
import type { Host } from '../lab/host.ts';
import type { Lab } from '../lab/lab.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { AttachMode } from '../lab/weft-config.ts';
import { askWho, explained, serveWho } from '../lab/who.ts';
import type { NetworkReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addAttached,
  addWeftVm,
  assertNoPing,
  assertPing,
  BLUE,
  startPair,
} from './overlay.ts';

const GATEWAY = '198.18.0.1';
const GATEWAY6 = '2001:db8:18::1';
const OUTSIDE = '192.0.2.99';
const OUTSIDE6 = '2001:db8::99';
const PORT = 8000;

interface World {
  readonly a: Vm;
  readonly b: Vm;
  readonly outside: Host;
  readonly c1: Container;
  readonly c2: Container;
  readonly remote: Container;
}

function addresses(n: number): readonly string[] {
  return [`198.18.0.${n}/24`, `2001:db8:18::${n}/64`];
}

async function startWorld(lab: Lab, attach: AttachMode): Promise<World> {
  const network = { ...BLUE, subnet6: '2001:db8:18::/64', gateway: true };
  const { a, b } = await startPair(lab, { attach, networks: [network] });
  await Promise.all([a, b].map((vm, i) => vm.ip(`addr add 2001:db8::${i + 1}/64 dev eth0 nodad`)));
  const outside = await lab.addVm('out', { underlay: [`${OUTSIDE}/24`, `${OUTSIDE6}/64`] });
  const c1 = await addAttached(a, 'c1', { addresses: addresses(2), publish: ['8080:8000'] });
  const c2 = await addAttached(a, 'c2', { addresses: addresses(3) });
  const remote = await addAttached(b, 'c1', {
    addresses: addresses(4),
    publish: ['8080:8000', '8080:8000/udp'],
  });
  await Promise.all([outside, c1, c2, remote].map(host => serveWho(host, PORT)));
  return { a, b, outside, c1, c2, remote };
}

for (const mode of ATTACH_MODES) {
  test(`gateway (${mode}): containers leave by their own VM, and come in by published ports alone`, async t => {
    await inLab(t, `gateway-${mode}`, async lab => {
      const { a, b, outside, c1, c2, remote } = await startWorld(lab, mode);
      const wire = await Promise.all([a, b].map(vm => Capture.start(vm, 'eth0', 'udp port 4789')));
      await explained(t, [a, b], async () => {
        const seen = (name: string, from: string) => ({ name, from });
        t.deepEqual(
          await askWho(
            c1,
            `tcp:${OUTSIDE}:${PORT}`,
            `tcp:${OUTSIDE6}:${PORT}`,
            `tcp:198.18.0.4:${PORT}`,
            // By its own published port, and that of the other VM.
            `tcp:${a.underlay}:8080`,
            `tcp:${b.underlay}:8080`,
          ),
          [
            // Out, under the address of the own VM; within, as without a gateway.
            seen('out', a.underlay),
            seen('out', '2001:db8::1'),
            seen('b-c1', '198.18.0.2'),
            seen('a-c1', GATEWAY),
            seen('b-c1', a.underlay),
          ],
        );
        t.deepEqual(await askWho(remote, `udp:${OUTSIDE}:${PORT}`, `tcp:${a.underlay}:8080`), [
          seen('out', b.underlay),
          seen('a-c1', b.underlay),
        ]);
        t.deepEqual(await askWho(c2, `tcp:${a.underlay}:8080`), [seen('a-c1', GATEWAY)]);
        await assertPing(t, c2, OUTSIDE);
        await assertPing(t, c1, '198.18.0.3');
        await assertPing(t, c1, GATEWAY);
        await assertPing(t, remote, GATEWAY6);
        // In, from outside, where the container sees who asks; not by a port that is not published, nor past the ports.
        await outside.ip('route add 198.18.0.0/24 via 192.0.2.1');
        t.deepEqual(
          await askWho(
            outside,
            `tcp:${a.underlay}:8080`,
            `udp:${b.underlay}:8080`,
            'tcp:2001:db8::1:8080',
            `tcp:${a.underlay}:8081`,
            `tcp:198.18.0.2:${PORT}`,
          ),
          [
            seen('a-c1', OUTSIDE),
            seen('b-c1', OUTSIDE),
            seen('a-c1', OUTSIDE6),
            { refused: 'ECONNREFUSED' },
            { refused: 'TIMEOUT' },
          ],
        );
        // From the VM itself, by any of its addresses; it reaches its own containers alone.
        t.deepEqual(
          await askWho(a, `tcp:${a.underlay}:8080`, 'tcp:127.0.0.1:8080', `tcp:198.18.0.3:${PORT}`),
          [seen('a-c1', a.underlay), seen('a-c1', GATEWAY), seen('a-c2', GATEWAY)],
        );
        await assertNoPing(t, b, '198.18.0.2');
        // The loopback of the VM is not reached, though it leads to published ports.
        const loopback = await serveWho(a, 9000);
        await c1.ip(`route add 127.0.0.9/32 via ${GATEWAY}`);
        await c1.sysctl({ 'net.ipv4.conf.all.route_localnet': 1 });
        const [answer] = await askWho(c1, 'tcp:127.0.0.9:9000');
        t.truthy(answer?.refused);
        await loopback.stop('SIGKILL');
      });
      // One gateway in all places, of which nothing is seen between them.
      const macs = await Promise.all([c1, remote].map(host => neighbourMac(host, GATEWAY)));
      const [network] = await a.weftJson<NetworkReport[]>('networks');
      t.deepEqual(macs, [network?.gateway_mac, network?.gateway_mac]);
      t.deepEqual(network?.gateway, [GATEWAY, GATEWAY6]);
      const mac = Buffer.from((network?.gateway_mac ?? '').replaceAll(':', ''), 'hex');
      const frames = wire.flatMap(capture => capture.frames());
      t.true(frames.length > 10);
      t.deepEqual(
        frames.filter(frame => frame.subarray(14).includes(mac)).map(frame => frame.toString('hex')),
        [],
      );
      await Promise.all(wire.map(capture => capture.stop()));
    });
  });
}

/** What of the VM's packet filter, links and switches is weft's. */
async function remains(vm: Vm): Promise<unknown> {
  const { stdout } = await vm.exec('nft', ['-j', 'list', 'ruleset']);
  const { nftables } = JSON.parse(stdout) as { nftables: readonly object[] };
  const switches = await vm.exec('cat', [
    '/proc/sys/net/ipv4/conf/eth0/forwarding',
    '/proc/sys/net/ipv4/ip_forward',
    '/proc/sys/net/ipv6/conf/all/forwarding',
  ]);
  return {
    rules: nftables.filter(item => !('metainfo' in item) && JSON.stringify(item).includes('weft')),
    links: (await vm.links()).map(({ ifname }) => ifname).filter(name => name.startsWith('w')),
    switches: switches.stdout.replaceAll('\n', ''),
  };
}

const NOTHING = { rules: [], links: [], switches: '000' };

test('gateway: a daemon that is killed leaves rules in force, keeps them when it is back, and all of it goes with the network', async t => {
  await inLab(t, 'gateway-life', async lab => {
    const { a } = await startPair(lab, { networks: [] });
    const outside = await lab.addVm('out', { underlay: `${OUTSIDE}/24` });
    const dropping =
      'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }';
    await a.exec('nft', [dropping]);
    t.deepEqual(await remains(a), NOTHING);
    await a.weft(['network', 'create', 'blue', '--subnet', '198.18.0.0/24', '--gateway', '--ipam', 'none']);
    const c1 = await addAttached(a, 'c1', { addresses: ['198.18.0.2/24'], publish: ['8080:8000'] });
    const c2 = await a.addContainer('c2');
    await Promise.all([outside, c1, c2].map(host => serveWho(host, PORT)));
    const served = async (what: string) => {
      await explained(t, [a], async () => {
        t.deepEqual(await askWho(outside, `tcp:${a.underlay}:8080`), [{ name: 'a-c1', from: OUTSIDE }], what);
        t.deepEqual(await askWho(c1, `tcp:${OUTSIDE}:${PORT}`), [{ name: 'out', from: a.underlay }], what);
      });
    };
    await served('past a chain FORWARD that drops');
    const taken = await a.weft(
      ['attach', c2.netns, '--network', 'blue', '--address', '198.18.0.3/24', '--publish', '8080:80'],
      {
        check: false,
      },
    );
    t.is(taken.code, 1);
    t.regex(
      taken.stderr,
      /port 8080\/tcp of this VM is published by eth0 of \S+-a-c1 in network blue already/,
    );
    const gateway = await a.weft(['attach', c2.netns, '--network', 'blue', '--address', '198.18.0.1/24'], {
      check: false,
    });
    t.regex(gateway.stderr, /198\.18\.0\.1 is the gateway of network blue/);
    await a.kill9();
    await served('without a daemon');
    await a.exec('nft', ['insert', 'rule', 'ip', 'weft', 'forward', 'drop']);
    await a.restartWeft();
    await served('after a restart, which takes away what is not as it should be');
    await a.stopWeft();
    await served('with a daemon that was stopped');
    // The container goes while nobody looks.
    await a.ip('link del dev wf-blue');
    await c1.ip('link del dev eth0');
    await a.restartWeft();
    t.deepEqual(await a.api.endpoints(), []);
    await waitFor(async () => (await a.weft(['network', 'rm', 'blue'], { check: false })).code === 0, {
      what: 'blue to be removed',
      timeoutMs: 60_000,
      intervalMs: 1000,
    });
    await waitFor(async () => JSON.stringify(await remains(a)) === JSON.stringify(NOTHING), {
      what: 'nothing to be left of blue',
      timeoutMs: 20_000,
    }).catch(() => {});
    t.deepEqual(await remains(a), NOTHING);
  });
});

/** Routers of the default routes of a container. */
async function defaultGateways(container: Container): Promise<readonly string[]> {
  const routes = await Promise.all(
    [4, 6].map(family => container.ipJson<{ gateway: string }[]>(`-${family}`, 'route', 'show', 'default')),
  );
  return routes.flat().map(({ gateway }) => gateway);
}

for (const mode of ATTACH_MODES) {
  test(`gateway (${mode}): containers that are attached follow when it is switched on, moved and switched off`, async t => {
    await inLab(t, `gateway-follow-${mode}`, async lab => {
      const dual = { ...BLUE, subnet6: '2001:db8:18::/64', attach: mode };
      const a = await addWeftVm(lab, 1, { networks: [dual] });
      const outside = await lab.addVm('out', { underlay: `${OUTSIDE}/24` });
      await serveWho(outside, PORT);
      const c1 = await addAttached(a, 'c1', { addresses: addresses(2) });
      t.deepEqual(await defaultGateways(c1), []);
      const restart = async (network: object) => {
        await a.stopWeft();
        await a.startWeft({ networks: [{ ...dual, ...network }], override: { gossip: { join: [] } } });
      };
      await restart({ gateway: true });
      t.deepEqual(await defaultGateways(c1), [GATEWAY, GATEWAY6]);
      t.deepEqual(await askWho(c1, `tcp:${OUTSIDE}:${PORT}`), [{ name: 'out', from: a.underlay }]);
      await restart({ gateway: true, gateway_addresses: ['198.18.0.254'] });
      t.deepEqual(await defaultGateways(c1), ['198.18.0.254', GATEWAY6]);
      t.deepEqual(await askWho(c1, `tcp:${OUTSIDE}:${PORT}`), [{ name: 'out', from: a.underlay }]);
      await restart({});
      t.deepEqual(await defaultGateways(c1), []);
    });
  });
}

async function neighbourMac(host: Host, address: string): Promise<string | undefined> {
  const neighbours = await host.ipJson<{ dst: string; lladdr?: string }[]>('neigh', 'show');
  return neighbours.find(({ dst }) => dst === address)?.lladdr;
}
