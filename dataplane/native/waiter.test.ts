import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { parseIp } from '../address.ts';
import { Arena } from '../arena.ts';
import { delay, systemClock } from '../clock.ts';
import { FrameBatch } from '../frame-batch.ts';
import { NativeUdpPort } from '../udp.ts';

const LONE_FRAMES = fileURLToPath(new URL('./testing/lone-frames.js', import.meta.url));

function openPort(t: ExecutionContext, arena: Arena, onFrames: (batch: FrameBatch, count: number) => void) {
  const options = { address: parseIp('127.0.0.1'), port: 0, sourceSockets: 1 };
  const port = new NativeUdpPort({ arena }, options, { onFrames, onLost: () => undefined });
  t.teardown(() => port.close());
  return port;
}

/** A frame of 60 bytes to a port of this machine. */
function frameTo(arena: Arena, port: NativeUdpPort): FrameBatch {
  const batch = new FrameBatch(1);
  batch.setOffset(0, arena.slotOffset(0));
  batch.setLength(0, 60);
  batch.setEncapLength(0, 8);
  batch.setFamily(0, 4);
  batch.setAddressWord(0, 0, 0x0100007f);
  batch.setPort(0, port.port);
  return batch;
}

/** ava's time limit ends it if it never comes true. */
async function until(done: () => boolean): Promise<void> {
  while (!done()) await delay(systemClock, 1);
}

test('a port that is never empty delays no timer, immediate, message or file', async t => {
  const arena = new Arena({ slots: 8 });
  let frames = 0;
  const port = openPort(t, arena, (_, count) => {
    frames += count;
    port.send(again, 0, 1);
  });
  const again = frameTo(arena, port);
  port.send(again, 0, 1);
  await until(() => frames > 10);

  await delay(systemClock, 5);
  await new Promise(resolve => {
    setImmediate(resolve);
  });
  const { port1, port2 } = new MessageChannel();
  port1.postMessage('hello');
  t.deepEqual(await once(port2, 'message'), ['hello']);
  port1.close();
  t.regex(await readFile(LONE_FRAMES, 'utf8'), /done/);
  const before = frames;
  await until(() => frames > before + 1000);
});

test('a port that the handler of another closes is not called, though both had frames', async t => {
  const arena = new Arena({ slots: 8 });
  const calls: string[] = [];
  const one: NativeUdpPort = openPort(t, arena, () => {
    calls.push('one');
    two.close();
  });
  const two: NativeUdpPort = openPort(t, arena, () => {
    calls.push('two');
    one.close();
  });
  for (const port of [one, two]) one.send(frameTo(arena, port), 0, 1);
  await until(() => calls.length > 0);
  await delay(systemClock, 5);
  t.is(calls.length, 1);
});

test('a thread to which lone frames came one after the other sleeps when no more come', async t => {
  const child = spawn(process.execPath, [LONE_FRAMES], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  t.is(String(await once(child.stdout, 'data')), 'done\n');
  // State of the main thread, proc(5): R while it looks again and again, S once it waits.
  await until(() => / S /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8')));
  t.pass();
});
