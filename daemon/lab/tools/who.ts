/**
 * `who PROTOCOL:ADDRESS:PORT...`: asks a who-serve at each of these, one after the other, and prints the list of what they answer; `{refused: CODE}`
 * if nobody does within two seconds.
 */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { systemClock } from '../../../dataplane/clock.ts';
import { print } from './main.ts';

const PATIENCE_MS = 2000;

function ask(question: string): Promise<unknown> {
  const [, protocol, host = '', port] = /^(\w+):(.*):(\d+)$/.exec(question) ?? [];
  return new Promise(resolve => {
    const socket =
      protocol === 'udp'
        ? createSocket(host.includes(':') ? 'udp6' : 'udp4')
        : connect({ host, port: Number(port) });
    const end = (answer: unknown) => {
      patience.cancel();
      socket.removeAllListeners('error').on('error', () => {});
      if ('destroy' in socket) socket.destroy();
      else socket.close();
      resolve(answer);
    };
    const patience = systemClock.after(PATIENCE_MS, () => end({ refused: 'TIMEOUT' }));
    socket.on('error', (error: NodeJS.ErrnoException) => end({ refused: error.code ?? error.message }));
    if ('destroy' in socket) {
      let said = '';
      socket.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      socket.on('end', () => end(JSON.parse(said)));
    } else {
      socket.on('message', message => end(JSON.parse(message.toString('utf8'))));
      socket.connect(Number(port), host, () => socket.send('who'));
    }
  });
}

const answers: unknown[] = [];
for (const question of process.argv.slice(2)) answers.push(await ask(question));
print(answers);
