/**
 * `open-links HOST PORT COUNT HEX WAIT-MS`: opens TCP connections, all at once, and sends these bytes on each; then says nothing more.
 * Prints how many of them the other end has closed by then, and when it closed the last one: `{closed, last_ms}`.
 */
import { connect } from 'node:net';
import { delay, systemClock } from '../../../dataplane/clock.ts';
import { argument, numberArgument, print } from './main.ts';

const host = argument(0, 'HOST');
const port = numberArgument(1, 'PORT');
const count = numberArgument(2, 'COUNT');
const bytes = Buffer.from(argument(3, 'HEX'), 'hex');
const start = systemClock.now();

let closed = 0;
let last = 0;
const ends = Array.from({ length: count }, () => {
  const socket = connect(port, host, () => socket.write(bytes));
  // A reset is as good an end as any.
  socket.on('error', () => {});
  socket.resume();
  return new Promise<void>(resolve => {
    socket.on('close', () => {
      closed += 1;
      last = systemClock.now() - start;
      resolve();
    });
  });
});
await Promise.race([Promise.all(ends), delay(systemClock, numberArgument(4, 'WAIT-MS'))]);
print({ closed, last_ms: Math.round(last) });
process.exit();
