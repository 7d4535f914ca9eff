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
import type { AttachMode } from '../lab/weft-config.ts';
import { askWho, explained, serveWho } from '../lab/who.ts';
import type { NetworkReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, addAttached, assertNoPing, assertPing, BLUE, startPair } from './overlay.ts';

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
        // Out, under the address of the own VM.
        t.deepEqual(await askWho(c1, OUTSIDE, PORT), { name: 'out', from: a.underlay });
        t.deepEqual(await askWho(remote, OUTSIDE, PORT, 'udp'), { name: 'out', from: b.underlay });
        t.deepEqual(await askWho(c1, OUTSIDE6, PORT), { name: 'out', from: '2001:db8::1' });
        await assertPing(t, c2, OUTSIDE);
        // Within, as without a gateway.
        await assertPing(t, c1, '198.18.0.3');
        await assertPing(t, c1, '198.18.0.4');
        t.deepEqual(await askWho(c1, '198.18.0.4', PORT), { name: 'b-c1', from: '198.18.0.2' });
        await assertPing(t, c1, GATEWAY);
        await assertPing(t, remote, GATEWAY6);
        // In, from outside: the container sees who asks.
        t.deepEqual(await askWho(outside, a.underlay, 8080), { name: 'a-c1', from: OUTSIDE });
        t.deepEqual(await askWho(outside, b.underlay, 8080, 'udp'), { name: 'b-c1', from: OUTSIDE });
        t.deepEqual(await askWho(outside, '2001:db8::1', 8080), { name: 'a-c1', from: OUTSIDE6 });
        // From the VM itself, by any of its addresses.
        t.deepEqual(await askWho(a, a.underlay, 8080), { name: 'a-c1', from: a.underlay });
        t.deepEqual(await askWho(a, '127.0.0.1', 8080), { name: 'a-c1', from: GATEWAY });
        // From a neighbour, from itself, and from the other VM's container.
        t.deepEqual(await askWho(c2, a.underlay, 8080), { name: 'a-c1', from: GATEWAY });
        t.deepEqual(await askWho(c1, a.underlay, 8080), { name: 'a-c1', from: GATEWAY });
        t.deepEqual(await askWho(remote, a.underlay, 8080), { name: 'a-c1', from: b.underlay });
        // And nothing else: no port that is not published, no container by way of the VM, no loopback of the VM.
        t.is((await askWho(outside, a.underlay, 8081)).refused, 'ECONNREFUSED');
        await outside.ip('route add 198.18.0.0/24 via 192.0.2.1');
        await assertNoPing(t, outside, '198.18.0.2');
        t.is((await askWho(outside, '198.18.0.2', PORT)).refused, 'TIMEOUT');
        await assertNoPing(t, b, '198.18.0.2');
        const loopback = await serveWho(a, 9000);
        await c1.ip('route add 127.0.0.9/32 via 198.18.0.1');
        t.is((await askWho(c1, '127.0.0.9', 9000)).refused !== undefined, true);
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

async function neighbourMac(host: Host, address: string): Promise<string | undefined> {
  const neighbours = await host.ipJson<{ dst: string; lladdr?: string }[]>('neigh', 'show');
  return neighbours.find(({ dst }) => dst === address)?.lladdr;
}
