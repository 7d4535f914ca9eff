/**
 * `who PROTOCOL ADDRESS PORT`: asks a who-serve there and prints what it answers, or `{refused: CODE}` if nobody does within two seconds.
 */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { systemClock } from '../../../dataplane/clock.ts';
import { argument, numberArgument, print } from './main.ts';

const PATIENCE_MS = 2000;

const protocol = argument(0, 'PROTOCOL');
const host = argument(1, 'ADDRESS');
const port = numberArgument(2, 'PORT');

function end(answer: unknown): void {
  print(answer);
  process.exit(0);
}

systemClock.after(PATIENCE_MS, () => end({ refused: 'TIMEOUT' }));
const refuse = (error: NodeJS.ErrnoException) => end({ refused: error.code ?? error.message });
if (protocol === 'udp') {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', refuse);
  socket.on('message', message => end(JSON.parse(message.toString('utf8'))));
  socket.connect(port, host, () => socket.send('who'));
} else {
  let said = '';
  const socket = connect({ host, port });
  socket.on('error', refuse);
  socket.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  socket.on('end', () => end(JSON.parse(said)));
}
