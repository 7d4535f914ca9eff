/**
 * `flow-order HOST FLOWS RUNS first|second`: sends RUNS times eight numbered datagrams in each of many UDP flows to the same
 * program at HOST, which does the same at the same time, and prints as {@link FlowOrderReport} whether any that came was overtaken by a later one of
 * its flow. The first begins when it hears the second. Both directions of a flow have the same two ports.
 */
import { createSocket, type Socket } from 'node:dgram';
import { delay, systemClock } from '../../../dataplane/clock.ts';
import type { FlowOrderReport } from '../flow-order.ts';
import { argument, numberArgument, print } from './main.ts';

const FIRST_PORT = 21_000;

/** Datagrams of a flow that are sent one behind the other: they may travel as one super-frame. */
const RUN = 8;

/** Bytes: some runs are of small datagrams, some of such that fill a frame. */
const SIZES = [64, 1400, 300];

/** What is still on its way when nothing has come for so long was lost. */
const QUIET_MS = 500;

const host = argument(0, 'HOST');
const flows = numberArgument(1, 'FLOWS');
const runs = numberArgument(2, 'RUNS');
const isFirst = argument(3, 'first|second') === 'first';

const report = { flows: 0, sent: 0, received: 0, overtaken: 0, doubled: 0 };
const highest = new Array<number>(flows).fill(-1);
let heardAt = systemClock.now();
let hear: () => void = () => {};
const heard = new Promise<void>(resolve => {
  hear = resolve;
});

function receive(flow: number, datagram: Buffer): void {
  const number = datagram.readUInt32BE();
  const last = highest[flow] ?? -1;
  report.received++;
  if (number < last) report.overtaken++;
  if (number === last) report.doubled++;
  highest[flow] = Math.max(last, number);
  heardAt = systemClock.now();
  hear();
}

function open(flow: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
  socket.on('message', datagram => receive(flow, datagram));
  return new Promise(resolve => socket.bind(FIRST_PORT + flow, () => resolve(socket)));
}

function send(socket: Socket, flow: number, number: number, size: number): Promise<void> {
  const datagram = Buffer.alloc(size);
  datagram.writeUInt32BE(number);
  // A full buffer is a datagram lost, which is not what is looked for.
  return new Promise(resolve => socket.send(datagram, FIRST_PORT + flow, host, () => resolve()));
}

function loopTurn(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve);
  });
}

const sockets = await Promise.all(Array.from({ length: flows }, (_, flow) => open(flow)));
print('ready');
if (isFirst) await heard;
for (let round = 0; round < runs; round++) {
  const size = SIZES[round % SIZES.length] ?? 0;
  for (const [flow, socket] of sockets.entries()) {
    const run = Array.from({ length: RUN }, (_, i) => send(socket, flow, round * RUN + i, size));
    report.sent += RUN;
    // Not each by itself: datagrams that wait for nothing are close behind each other.
    await Promise.all(run);
    // Sending alone never lets the loop turn, and nothing would be received.
    await loopTurn();
  }
}
while (systemClock.now() - heardAt < QUIET_MS) await delay(systemClock, QUIET_MS / 10);
for (const socket of sockets) socket.close();
report.flows = highest.filter(number => number >= 0).length;
print(report satisfies FlowOrderReport);
