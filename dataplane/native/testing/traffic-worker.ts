/**
 * A thread whose UDP port and TAP-like FIFO are never idle: each datagram it receives is sent to itself again. What
 * else its handler does, workerData says:
 * - `run`: nothing; it says "running" and goes on until terminated
 * - `exit`: process.exit(7) in the handler
 * - `throw`: throws in the handler
 * - `throw-and-go-on`: throws in the first handler calls, catches uncaught exceptions, reports how many when 10 more
 *   batches came, and closes
 */
import { parentPort, workerData } from 'node:worker_threads';
import { parseIp } from '../../address.ts';
import { Arena } from '../../arena.ts';
import type { FrameBatch } from '../../frame-batch.ts';
import { NativeUdpPort } from '../../udp.ts';

const arena = new Arena({ slots: 8 });
let batches = 0;
let uncaught = 0;

function echo(batch: FrameBatch, count: number): void {
  for (let i = 0; i < count; i++) {
    batch.setPort(i, port.port);
    batch.setSocket(i, 0);
  }
  port.send(batch, 0, count);
}

function onFrames(batch: FrameBatch, count: number): void {
  echo(batch, count);
  batches++;
  switch (workerData) {
    case 'exit':
      process.exit(7);
      break;
    case 'throw':
      throw new Error('thrown by a handler');
    case 'throw-and-go-on':
      if (batches <= 3) throw new Error(`thrown by handler call ${batches}`);
      if (batches < 13) return;
      parentPort?.postMessage(uncaught);
      port.close();
      break;
    default:
      if (batches === 5) parentPort?.postMessage('running');
  }
}

if (workerData === 'throw-and-go-on') process.on('uncaughtException', () => uncaught++);

const port = new NativeUdpPort(
  { arena },
  { address: parseIp('127.0.0.1'), port: 0, sourceSockets: 2 },
  { onFrames, onLost: () => undefined },
);

const first = arena.received;
first.setOffset(0, arena.slotOffset(0));
first.setLength(0, 60);
first.setEncapLength(0, 8);
first.setFamily(0, 4);
first.setAddressWord(0, 0, 0x0100007f);
echo(first, 1);
