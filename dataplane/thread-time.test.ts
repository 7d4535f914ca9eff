import test from 'ava';
import { parseIp } from './address.ts';
import { Arena } from './arena.ts';
import { delay, systemClock } from './clock.ts';
import { FrameBatch } from './frame-batch.ts';
import { threadTime } from './thread-time.ts';
import { NativeUdpPort } from './udp.ts';

/** Loop times are whole milliseconds, cut off; the rest is for a thread that is interrupted between two readings. */
const TOLERANCE_MS = 2;

test('a handler of frames reads when the thread was woken for them, and a command when it was woken for that', async t => {
  const arena = new Arena({ slots: 8 });
  const late: number[] = [];
  const note = () => late.push(systemClock.now() - (threadTime.ms[0] as number));
  const port = new NativeUdpPort(
    { arena },
    { address: parseIp('127.0.0.1'), port: 0, sourceSockets: 1 },
    { onFrames: note, onLost: () => undefined },
  );
  t.teardown(() => port.close());
  const batch = new FrameBatch(1);
  batch.setOffset(0, arena.slotOffset(0));
  batch.setLength(0, 60);
  batch.setEncapLength(0, 8);
  batch.setFamily(0, 4);
  batch.setAddressWord(0, 0, 0x0100007f);
  batch.setPort(0, port.port);
  for (let round = 0; round < 20; round++) {
    await delay(systemClock, 10);
    note();
    port.send(batch, 0, 1);
  }
  while (late.length < 40) await delay(systemClock, 1);
  const sorted = late.toSorted((a, b) => a - b);
  t.true((sorted[0] as number) >= 0, `${sorted[0]} ms`);
  // The median: on a busy machine the thread may wait for a processor between the two.
  t.true((sorted[20] as number) <= TOLERANCE_MS, `${sorted.join(' ')} ms`);
});
