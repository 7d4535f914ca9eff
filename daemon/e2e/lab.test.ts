/**
 * The lab itself, proven with tools that are not ours: if these fail, no other end-to-end test means anything.
 *
 *   a-c1 ── br42 ── vx42 ── eth0 ══ switch ══ eth0 ── vx42 ── br42 ── b-c1      (kernel vxlan both sides)
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { Capture } from '../lab/capture.ts';
import type { Container } from '../lab/container.ts';
import { iperf } from '../lab/iperf.ts';
import { KernelVxlan } from '../lab/kernel-vxlan.ts';
import { Lab } from '../lab/lab.ts';
import { listLabNamespaces, ownerOf } from '../lab/names.ts';
import { OpenVswitch } from '../lab/open-vswitch.ts';
import { ping } from '../lab/ping.ts';
import { expectedDigest, stream } from '../lab/stream.ts';
import { tsharkComplaints, tsharkFields } from '../lab/tshark.ts';
import { waitFor } from '../lab/wait-for.ts';
import { inLab } from './in-lab.ts';

async function kernelPair(lab: Lab): Promise<{ c1: Container; c2: Container }> {
  const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
  const b = await lab.addVm('b', { underlay: '192.0.2.2/24' });
  const [c1, c2] = [await a.addContainer('c1'), await b.addContainer('c1')];
  const near = await KernelVxlan.create(a, { vni: 42, remotes: [b.underlay] });
  const far = await KernelVxlan.create(b, { vni: 42, remotes: [a.underlay] });
  await near.attach(c1, { addresses: ['198.18.0.1/24', '2001:db8:18::1/64'] });
  await far.attach(c2, { addresses: ['198.18.0.2/24', '2001:db8:18::2/64'] });
  return { c1, c2 };
}

async function assertPing(t: ExecutionContext, from: Container, address: string): Promise<void> {
  const report = await ping(from, address, { count: 5 });
  t.is(report.received, 5, report.output);
}

test('Lab carries ping, a hashed TCP stream and iperf3 over kernel vxlan', async t => {
  await inLab(t, 'kernel', async lab => {
    const { c1, c2 } = await kernelPair(lab);
    await assertPing(t, c1, '198.18.0.2');
    await assertPing(t, c1, '2001:db8:18::2');
    const result = await stream(c1, c2, '198.18.0.2', 3_000_001);
    t.is(result.bytes, 3_000_001);
    t.is(result.sha256, expectedDigest(3_000_001));
    const tcp = await iperf(c2, c1, '198.18.0.1', { seconds: 1 });
    t.true(tcp.bitsPerSecond > 100e6, `${tcp.bitsPerSecond} bit/s`);
  });
});

test('Lab wires are wire-like: no super-frame and no partial checksum passes, which tshark confirms', async t => {
  await inLab(t, 'wire', async lab => {
    const { c1, c2 } = await kernelPair(lab);
    await assertPing(t, c1, '198.18.0.2');
    // At the sender: behind the receiver's GRO the frames would be merged again.
    const capture = await Capture.start(lab.vm('a'), 'eth0', 'udp port 4789');
    await stream(c1, c2, '198.18.0.2', 500_000);
    await capture.stop();
    t.true(capture.frames().length > 300);
    t.true(Math.max(...capture.frames().map(frame => frame.length)) <= 1514);
    const file = `${lab.directory}/wire.pcap`;
    capture.save(file);
    t.deepEqual(await tsharkComplaints(file), []);
    t.is((await tsharkFields(file, 'vxlan', ['vxlan.vni'])).length, capture.frames().length);
    // The containers may have said something else meanwhile (ARP, neighbour discovery): it has no TCP checksum.
    const rows = await tsharkFields(file, 'vxlan && tcp', ['vxlan.vni', 'tcp.checksum.status']);
    t.true(rows.length > 300);
    // tshark: 1 is "Good".
    for (const row of rows) t.deepEqual(row, { 'vxlan.vni': ['42'], 'tcp.checksum.status': ['1'] });
  });
});

test('Lab wires of kind veth hand over super-frames', async t => {
  await inLab(t, { name: 'veth', wire: 'veth' }, async lab => {
    const { c1, c2 } = await kernelPair(lab);
    const capture = await Capture.start(lab.vm('b'), 'eth0', 'udp port 4789');
    await stream(c1, c2, '198.18.0.2', 3_000_000);
    await capture.stop();
    t.true(capture.frames().some(frame => frame.length > 10_000));
  });
});

test('Lab underlays may be IPv6 and have an MTU of their own', async t => {
  await inLab(t, { name: 'six', mtu: 9000 }, async lab => {
    const a = await lab.addVm('a', { underlay: '2001:db8::1/64' });
    await lab.addVm('b', { underlay: ['2001:db8::2/64', '192.0.2.2/24'] });
    t.is((await a.link('eth0')).mtu, 9000);
    const report = await ping(a, '2001:db8::2', { count: 1, size: 9000 - 48, dontFragment: true });
    t.is(report.received, 1, report.output);
    await lab.setWire(a, 'down');
    t.is((await ping(a, '2001:db8::2', { count: 1, waitS: 0.2 })).received, 0);
  });
});

test('OpenVswitch of a lab talks to kernel vxlan', async t => {
  await inLab(t, 'ovs', async lab => {
    const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
    const b = await lab.addVm('b', { underlay: '192.0.2.2/24' });
    const [c1, c2] = [await a.addContainer('c1'), await b.addContainer('c1')];
    const near = await KernelVxlan.create(a, { vni: 42, remotes: [b.underlay] });
    await near.attach(c1, { addresses: ['198.18.0.1/24'] });
    const far = await OpenVswitch.create(b, { vni: 42, remote: a.underlay, underlay: '192.0.2.2/24' });
    await far.attach(c2, { addresses: ['198.18.0.2/24'] });
    await waitFor(async () => (await ping(c1, '198.18.0.2', { count: 1 })).received === 1, {
      what: 'a first reply',
    });
    await assertPing(t, c1, '198.18.0.2');
    const result = await stream(c1, c2, '198.18.0.2', 1_000_000);
    t.is(result.sha256, expectedDigest(1_000_000));
  });
});

test('Lab.destroy() and Lab.sweep() leave nothing: not after a failure, not after kill -9 of the owner', async t => {
  const script = `
    const { Lab } = await import(${JSON.stringify(new URL('../lab/lab.js', import.meta.url).href)});
    const lab = await Lab.create({ name: 'crash' });
    const vm = await lab.addVm('a', { underlay: '192.0.2.1/24' });
    const sleeper = vm.spawn('sleep', ['600']);
    console.log(JSON.stringify({ directory: lab.directory, sleeper: sleeper.pid }));
    setInterval(() => {}, 1000);`;
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(owner.stdout, 'data')) as [Buffer];
    const made = JSON.parse(line.toString()) as { directory: string; sleeper: number };
    const ours = () => listLabNamespaces().filter(name => ownerOf(name) === owner.pid);
    t.is(ours().length, 2);
    // A lab whose owner lives is not touched.
    t.deepEqual(
      Lab.sweep().filter(name => name.includes(`-${owner.pid}-`)),
      [],
    );
    owner.kill(signal);
    await once(owner, 'close');
    if (signal === 'SIGKILL') {
      t.is(ours().length, 2, 'nobody could clean up');
      t.is(Lab.sweep().filter(name => name.includes(`-${owner.pid}-`)).length, 3);
    }
    t.deepEqual(ours(), []);
    t.false(existsSync(made.directory));
    await waitFor(() => !existsSync(`/proc/${made.sleeper}`), { what: 'the process of the lab to be gone' });
  }
});
