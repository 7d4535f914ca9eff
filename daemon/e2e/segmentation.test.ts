/**
 * Segmentation on send: super-frames leave the container whole and the daemon in one send, and all of it can fail.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] ══ switch, MTU 1500, wire-like ══ [ weft b ] ── 198.18.0.2 b-c1
 */
import test, { type ExecutionContext } from 'ava';
import type { Vm } from '../lab/vm.ts';
import type { LogFields } from '../log-fields.ts';
import type { StatusReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, assertStream, attachPair, losses, startPair, waitForPing } from './overlay.ts';

const BYTES = 30_000_000;
/** floor(65507 / (8 + 14 + 1450)): full frames in one send over IPv4 at MTU 1500. */
const SEGMENTS_V4 = 44;
/** floor(65527 / (8 + 14 + 1430)), over IPv6. */
const SEGMENTS_V6 = 45;

/** Frames that the kernel handed to the daemon on this interface: what the device calls sent. */
async function framesSent(host: Pick<Vm, 'ipJson'>, ifname: string): Promise<number> {
  const [link] = await host.ipJson<{ stats64: { tx: { packets: number } } }[]>('-s', 'link', 'show', ifname);
  return link?.stats64.tx.packets ?? 0;
}

/** Lines of the daemon's log that name this offload. */
function linesAbout(vm: Vm, offload: string): readonly (LogFields & { readonly level: string })[] {
  return vm.daemon.stdout
    .split('\n')
    .filter(line => line.includes('"offload"'))
    .map(line => JSON.parse(line) as LogFields & { readonly level: string })
    .filter(line => line.offload?.includes(offload));
}

for (const attach of ATTACH_MODES) {
  test(`segmentation (${attach}): TCP leaves in super-frames of one send each, limited again after a restart`, async t => {
    await inLab(t, `gso-${attach}`, async lab => {
      const pair = await startPair(lab, { attach });
      const { c1, c2 } = await attachPair(pair);
      t.is((await c1.link('eth0')).gso_max_segs, SEGMENTS_V4);
      if (attach === 'bridge') t.is((await pair.a.link('wt-blue')).gso_max_segs, SEGMENTS_V4);
      t.is(linesAbout(pair.a, 'tap_tso on').length, 1);

      await waitForPing(c1, '198.18.0.2');
      const [host, ifname] = attach === 'bridge' ? [pair.a, 'wt-blue'] : [c1, 'eth0'];
      const before = await framesSent(host, ifname);
      await assertStream(t, c1, c2, '198.18.0.2', BYTES);
      const bytesEach = BYTES / ((await framesSent(host, ifname)) - before);
      t.true(bytesEach > 10_000, `${bytesEach} bytes for each frame`);
      const { dataplane } = await pair.a.weftJson<StatusReport>('status');
      t.true(dataplane.tx_packets > BYTES / 1450, 'segments are counted, not super-frames');
      t.deepEqual(await losses(pair.a), []);

      // `b` finds its way back by its join address; `a` has none.
      await pair.b.kill9();
      await c2.ip('link set eth0 gso_max_segs 60');
      await pair.b.restartWeft();
      t.is((await c2.link('eth0')).gso_max_segs, SEGMENTS_V4);
      await waitForPing(c2, '198.18.0.1');
      await assertStream(t, c2, c1, '198.18.0.1', BYTES);
    });
  });

  test(`segmentation (${attach}): over IPv6, of IPv6`, async t => {
    await inLab(t, `gso6-${attach}`, async lab => {
      const { c1, c2 } = await attachPair(await startPair(lab, { attach, ipv6Underlay: true }));
      t.is((await c1.link('eth0')).gso_max_segs, SEGMENTS_V6);
      await c1.ip('addr add 2001:db8:18::1/64 dev eth0 nodad');
      await c2.ip('addr add 2001:db8:18::2/64 dev eth0 nodad');
      await waitForPing(c1, '2001:db8:18::2');
      await assertStream(t, c1, c2, '2001:db8:18::2', BYTES);
      await assertStream(t, c2, c1, '198.18.0.1', BYTES);
    });
  });
}

/** The log has it once, as a warning with its errno. */
function assertToldOnce(t: ExecutionContext, vm: Vm, errno: number): void {
  const lines = linesAbout(vm, 'udp-segment');
  t.is(lines.length, 1);
  t.like(lines[0], { level: 'warn', component: 'dataplane', errno });
}

for (const [name, errno] of [
  ['EIO', 5],
  ['EINVAL', 22],
] as const) {
  test(`segmentation: ${name} from every send with UDP_SEGMENT costs speed, one log line, and no frame`, async t => {
    await inLab(t, `fallback-${name.toLowerCase()}`, async lab => {
      const pair = await startPair(lab, { env: { WEFT_INJECT: `udp-segment=${name}` } });
      const { c1, c2 } = await attachPair(pair);
      await waitForPing(c1, '198.18.0.2');
      await assertStream(t, c1, c2, '198.18.0.2', BYTES);
      await assertStream(t, c2, c1, '198.18.0.1', BYTES);
      assertToldOnce(t, pair.a, errno);
      assertToldOnce(t, pair.b, errno);
      t.deepEqual(await losses(pair.a), []);
      t.deepEqual(await losses(pair.b), []);
    });
  });
}
