/**
 * `exchange PORT STREAM_BYTES DATAGRAM_BYTES,… ADDRESS…`: with each address, where exchange-serve runs, in turn, a TCP stream
 * each way and then datagrams of these sizes, a dozen at a time; prints a list of reports (lab/exchange.ts).
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { delay, systemClock } from '../../../dataplane/clock.ts';
import type { ExchangeReport } from '../exchange.ts';
import { streamContent } from '../stream-content.ts';
import { argument, numberArgument, print } from './main.ts';

/** Echoes take milliseconds; only a test that fails waits for so long. */
const ECHO_PATIENCE_MS = 3_000;
/** A second echo would come right behind the first. */
const ECHO_REST_MS = 30;
const DIGEST_BYTES = 32;
/** Datagrams on their way at once: more overflow the receive queue of Open vSwitch, whose loss is not the question. */
const BURST = 12;

const port = numberArgument(0, 'PORT');
const streamBytes = numberArgument(1, 'STREAM_BYTES');
const sizes = argument(2, 'DATAGRAM_BYTES').split(',').map(Number);

async function streams(host: string): Promise<Pick<ExchangeReport, 'up' | 'down'>> {
  const socket = connect({ host, port, allowHalfOpen: true });
  await once(socket, 'connect');
  for (const [counter, block] of streamContent(streamBytes)) {
    socket.write(counter);
    if (!socket.write(block)) await once(socket, 'drain');
  }
  socket.end();
  const hash = createHash('sha256');
  let digest = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    const missing = DIGEST_BYTES - digest.length;
    if (missing > 0) digest = Buffer.concat([digest, chunk.subarray(0, missing)]);
    hash.update(chunk.subarray(Math.max(missing, 0)));
  }
  return { up: digest.toString('hex'), down: hash.digest('hex') };
}

/** Datagram `i`: filled with a byte that tells which it is. */
function datagram(i: number): Buffer {
  return Buffer.alloc(sizes[i] ?? 0, i + 1);
}

async function datagrams(host: string): Promise<ExchangeReport['datagrams']> {
  const socket = createSocket({
    type: host.includes(':') ? 'udp6' : 'udp4',
    recvBufferSize: 1024 * 1024,
    sendBufferSize: 1024 * 1024,
  });
  const seen = sizes.map(bytes => ({ bytes, echoes: 0, intact: true }));
  socket.on('message', message => {
    const entry = seen[(message[0] ?? 0) - 1];
    if (entry === undefined) throw new Error(`an echo of ${message.length} bytes of no datagram`);
    entry.echoes++;
    if (!message.equals(datagram(seen.indexOf(entry)))) entry.intact = false;
  });
  for (let first = 0; first < sizes.length; first += BURST) {
    const burst = seen.slice(first, first + BURST);
    burst.forEach((_, i) => {
      socket.send(datagram(first + i), port, host);
    });
    const deadline = systemClock.now() + ECHO_PATIENCE_MS;
    while (burst.some(({ echoes }) => echoes === 0) && systemClock.now() < deadline)
      await delay(systemClock, 2);
  }
  await delay(systemClock, ECHO_REST_MS);
  socket.close();
  return seen;
}

const reports: ExchangeReport[] = [];
for (let i = 3; i < process.argv.length - 2; i++) {
  const address = argument(i, 'ADDRESS');
  reports.push({ address, ...(await streams(address)), datagrams: await datagrams(address) });
}
print(reports);
