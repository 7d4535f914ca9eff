/**
 * What weft puts on the wire, judged by tshark.
 *
 *   a-c1, a-c2 ── [ weft a ] eth0 ══ switch ══ eth0 [ weft b ] ── b-c1, b-c2
 *                             ▲ capture
 */
import test from 'ava';
import { Capture } from '../lab/capture.ts';
import { ping } from '../lab/ping.ts';
import { tsharkComplaints, tsharkFields } from '../lab/tshark.ts';
import { waitFor } from '../lab/wait-for.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addAttached,
  assertPing,
  assertStream,
  attachPair,
  startPair,
  waitForPing,
} from './overlay.ts';

/** RFC 7348 section 5: "RECOMMENDED that the value be in the dynamic/private port range 49152-65535". */
const FIRST_PORT = 49_152;
/** tshark's tcp.checksum.status and udp.checksum.status (epan/proto.h): 1 is good. */
const GOOD = '1';

/** Of the VXLAN header in a frame: behind Ethernet, IPv4 without options, and UDP. */
const VXLAN_OFFSET = 14 + 20 + 8;

const FIELDS = [
  'ip.src',
  'ip.flags.df',
  'ip.flags.mf',
  'udp.srcport',
  'udp.dstport',
  'udp.checksum',
  'udp.checksum.status',
  'vxlan.flags',
  'vxlan.vni',
  'frame.len',
] as const;

for (const mode of ATTACH_MODES) {
  test(`wire format (${mode}): tshark has no complaint; DF, checksum, flags, VNI and ports are right`, async t => {
    await inLab(t, `wire-${mode}`, async lab => {
      const pair = await startPair(lab, { attach: mode });
      // Only what a sends: what it receives, GRO may have merged before the capture sees it.
      const capture = await Capture.start(pair.a, 'eth0', 'udp dst port 4789 and src host 192.0.2.1');
      const { c1, c2 } = await attachPair(pair);
      await c1.ip('addr add 2001:db8:18::1/64 dev eth0 nodad');
      await c2.ip('addr add 2001:db8:18::2/64 dev eth0 nodad');
      await waitForPing(c1, '198.18.0.2');
      await assertPing(t, c1, '198.18.0.2', { size: 1422, dontFragment: true });
      await assertPing(t, c1, '198.18.0.2', { size: 0 });
      await assertPing(t, c1, '2001:db8:18::2');
      await assertStream(t, c1, c2, '198.18.0.2', 300_000);
      await assertStream(t, c2, c1, '2001:db8:18::1', 300_000);
      await ping(c1, '198.18.0.255', { count: 1, broadcast: true, waitS: 0.2 });
      await capture.stop();
      const file = `${lab.directory}/wire.pcap`;
      capture.save(file);

      t.deepEqual(
        (await tsharkComplaints(file)).filter(complaint => !isAboutTheTest(complaint)),
        [],
      );
      const rows = await tsharkFields(file, 'udp.dstport == 4789', FIELDS);
      t.true(rows.length > 200, `${rows.length} packets`);
      for (const row of rows) {
        // The first value of each field is the outer header's; what follows are headers of the frame inside.
        t.true(['1', 'True'].includes(row['ip.flags.df'][0] ?? ''), 'DF');
        t.true(['0', 'False'].includes(row['ip.flags.mf'][0] ?? ''), 'no fragment');
        t.true(Number(row['udp.srcport'][0]) >= FIRST_PORT, `source port ${row['udp.srcport'][0]}`);
        t.not(row['udp.checksum'][0], '0x0000');
        t.is(row['udp.checksum.status'][0], GOOD);
        t.deepEqual(row['vxlan.flags'], ['0x0800']);
        t.deepEqual(row['vxlan.vni'], ['42']);
        t.true(Number(row['frame.len'][0]) <= 1514);
      }
      // RFC 7348 section 5: reserved fields "MUST be set to zero on transmission".
      for (const frame of capture.frames()) {
        t.is(frame.toString('hex', VXLAN_OFFSET, VXLAN_OFFSET + 8), '0800000000002a00');
      }
      const inner = await tsharkFields(file, 'vxlan && tcp', ['tcp.checksum.status', 'ip.checksum.status']);
      t.true(inner.length > 200);
      for (const row of inner) t.deepEqual(row['tcp.checksum.status'], [GOOD]);
    });
  });

  test(`wire format (${mode}): a flow keeps its source port, and flows spread over ports`, async t => {
    await inLab(t, `ports-${mode}`, async lab => {
      const pair = await startPair(lab, { attach: mode });
      const { c1, c2 } = await attachPair(pair);
      const c3 = await addAttached(pair.b, 'c2', { addresses: ['198.18.0.3/24'] });
      await waitForPing(c1, '198.18.0.2');
      await waitForPing(c1, '198.18.0.3');
      const capture = await Capture.start(pair.a, 'eth0', 'udp dst port 4789 and src host 192.0.2.1');
      for (let flow = 0; flow < 12; flow++) {
        await assertStream(t, c1, flow % 2 === 0 ? c2 : c3, `198.18.0.${2 + (flow % 2)}`, 20_000);
      }
      await waitFor(() => capture.frames().length > 12 * 14, { what: 'the streams in the capture' });
      await capture.stop();
      const file = `${lab.directory}/ports.pcap`;
      capture.save(file);
      const rows = await tsharkFields(file, 'vxlan && tcp', ['tcp.srcport', 'udp.srcport']);
      const portsOfFlow = new Map<string, Set<string>>();
      for (const row of rows) {
        const flow = row['tcp.srcport'].join();
        portsOfFlow.set(flow, (portsOfFlow.get(flow) ?? new Set()).add(row['udp.srcport'].join()));
      }
      t.is(portsOfFlow.size, 12);
      for (const [flow, ports] of portsOfFlow) t.is(ports.size, 1, `flow ${flow} used ${[...ports].join()}`);
      const used = new Set([...portsOfFlow.values()].flatMap(ports => [...ports]));
      t.true(used.size >= 3, `12 flows used ${used.size} ports`);
    });
  });
}

/** The capture holds one direction only: tshark misses the replies to good packets. */
function isAboutTheTest(complaint: string): boolean {
  return complaint.includes('No response seen');
}
