/**
 * `stream-send HOST PORT BYTES`: sends that many bytes of the fixed stream (stream-content.ts) over one TCP connection and
 * prints `{bytes, seconds}`.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { systemClock } from '../../../dataplane/clock.ts';
import { streamContent } from '../stream-content.ts';
import { argument, numberArgument, print } from './main.ts';

const total = numberArgument(2, 'BYTES');
const socket = connect({ host: argument(0, 'HOST'), port: numberArgument(1, 'PORT') });
await once(socket, 'connect');
const start = systemClock.now();
for (const [counter, block] of streamContent(total)) {
  socket.cork();
  socket.write(counter);
  const mayGoOn = socket.write(block);
  socket.uncork();
  if (!mayGoOn) await once(socket, 'drain');
}
socket.end();
await once(socket, 'close');
print({ bytes: total, seconds: (systemClock.now() - start) / 1000 });
