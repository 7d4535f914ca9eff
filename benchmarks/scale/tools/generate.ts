/**
 * `generate IFNAME SPEC`: sends Ethernet frames with UDP over IPv4 into the TAP device IFNAME, from the outside, as a
 * network card would bring them in; SPEC is a FrameSpec as JSON. Prints `{sent, refused}`.
 *
 * The device exists and is a bridge port; nobody else has it open. It uses the dataplane's own TAP port: one system call
 * for each frame and no allocation, so a processor makes half a million frames a second.
 */
import { Arena } from '../../../dataplane/arena.ts';
import { delay, systemClock } from '../../../dataplane/clock.ts';
import { FrameBatch } from '../../../dataplane/frame-batch.ts';
import { NativeTapPort } from '../../../dataplane/tap.ts';
import { openTap } from '../../../dataplane/tap-device.ts';
import type { FrameSpec } from '../generator.ts';
import { writeProbe } from '../probe-frame.ts';

/** Frames of one batch. */
const BATCH = 64;
/** Frames per second: more than any processor makes. */
const UNLIMITED = 1e9;

const [ifname = '', text = ''] = process.argv.slice(2);
const spec = JSON.parse(text) as FrameSpec;
const arena = new Arena({ slots: BATCH });
const batch = new FrameBatch(BATCH);
const device = openTap({ name: ifname, persist: true });
const port = new NativeTapPort({ arena }, { fd: device.fd }, { onFrames: () => {}, onLost: () => {} });

let variant = 0;
function sendBatch(count: number): void {
  for (let i = 0; i < count; i++) {
    const at = arena.slotOffset(i);
    batch.setOffset(i, at);
    batch.setLength(i, writeProbe(arena.view, at, spec, variant));
    variant = variant + 1 === spec.variants ? 0 : variant + 1;
  }
  port.write(batch, 0, count);
}

const { perSecond = UNLIMITED, frames = Number.POSITIVE_INFINITY } = spec;
const { counters } = port;
const start = systemClock.now();
for (let elapsed = 0; elapsed < spec.seconds && counters.txFrames < frames; ) {
  const due = Math.min(
    BATCH,
    frames - counters.txFrames,
    Math.floor(elapsed * perSecond) - counters.txFrames,
  );
  if (due > 0) sendBatch(due);
  else await delay(systemClock, 1);
  elapsed = (systemClock.now() - start) / 1000;
}
const { txFrames, txErrors } = counters;
port.close();
process.stdout.write(`${JSON.stringify({ sent: txFrames, refused: txErrors })}\n`);
