/** Two ports of one thread send a lone frame to and fro 2,000 times, say "done" and go on waiting for frames. */
import { parseIp } from '../../address.ts';
import { Arena } from '../../arena.ts';
import type { FrameBatch } from '../../frame-batch.ts';
import { NativeUdpPort } from '../../udp.ts';

const ROUNDS = 2000;
const arena = new Arena({ slots: 8 });
let rounds = 0;

function open(answer: (batch: FrameBatch) => void): NativeUdpPort {
  const options = { address: parseIp('127.0.0.1'), port: 0, sourceSockets: 1 };
  return new NativeUdpPort({ arena }, options, { onFrames: answer, onLost: () => undefined });
}

function send(from: NativeUdpPort, to: NativeUdpPort, batch: FrameBatch): void {
  batch.setPort(0, to.port);
  batch.setSocket(0, 0);
  from.send(batch, 0, 1);
}

const one: NativeUdpPort = open(batch => send(one, two, batch));
const two: NativeUdpPort = open(batch => {
  if (++rounds < ROUNDS) send(two, one, batch);
  else process.stdout.write('done\n');
});

const first = arena.received;
first.setOffset(0, arena.slotOffset(0));
first.setLength(0, 60);
first.setEncapLength(0, 8);
first.setFamily(0, 4);
first.setAddressWord(0, 0, 0x0100007f);
send(one, two, first);
