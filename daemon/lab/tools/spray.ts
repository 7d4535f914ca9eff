/**
 * `spray HOST PORT KIND COUNT SEED`: sends hostile datagrams (hostile-datagrams.ts) and prints `{sent}`. At most 25,000
 * a second, so that what is lost is lost by the daemon and not by a full socket buffer.
 */
import { createSocket } from 'node:dgram';
import { delay, systemClock } from '../../../dataplane/clock.ts';
import { type HostileKind, hostileDatagrams } from '../hostile-datagrams.ts';
import { argument, numberArgument, print } from './main.ts';

const BURST = 100;
const PAUSE_MS = 4;

const host = argument(0, 'HOST');
const port = numberArgument(1, 'PORT');
const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
await new Promise<void>(resolve => socket.connect(port, host, resolve));

function send(datagram: Buffer): Promise<void> {
  return new Promise(resolve => {
    // ECONNREFUSED of an earlier datagram is reported here; whether the daemon lives is for the test to ask.
    socket.send(datagram, () => resolve());
  });
}

let sent = 0;
for (const datagram of hostileDatagrams(
  argument(2, 'KIND') as HostileKind,
  numberArgument(3, 'COUNT'),
  numberArgument(4, 'SEED'),
)) {
  await send(datagram);
  sent++;
  if (sent % BURST === 0) await delay(systemClock, PAUSE_MS);
}
socket.close();
print({ sent });
