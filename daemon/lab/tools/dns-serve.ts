/**
 * `dns-serve ADDRESS`: a name server for tests, UDP and TCP at port 53. Every name has the address 192.0.2.80; one that begins with
 * `long` has a hundred, which UDP does not hold; `missing…` is not there; `silent…` is not answered.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { type Answer, decode, encode, TRUNCATED_RESPONSE } from 'dns-packet';
import { argument, print } from './main.ts';

const PORT = 53;
const NAME_ERROR = 3;
const UDP_BYTES = 512;
const address = argument(0, 'ADDRESS');

function answerTo(message: Buffer, maxBytes: number): Buffer | undefined {
  const { id = 0, questions = [] } = decode(message);
  const { name = '.' } = questions[0] ?? {};
  if (name.startsWith('silent')) return undefined;
  const count = name.startsWith('missing') ? 0 : name.startsWith('long') ? 100 : 1;
  const answers = Array.from({ length: count }, (_, i): Answer => {
    return { name, type: 'A', data: `192.0.2.${80 + i}`, ttl: 60 };
  });
  const flags = count === 0 ? NAME_ERROR : 0;
  const whole = encode({ type: 'response', id, flags, questions, answers });
  if (whole.length <= maxBytes) return whole;
  return encode({ type: 'response', id, flags: TRUNCATED_RESPONSE, questions });
}

const datagrams = createSocket('udp4');
datagrams.on('message', (message, from) => {
  const answer = answerTo(message, UDP_BYTES);
  if (answer !== undefined) datagrams.send(answer, from.port, from.address);
});
const streams = createServer(socket => {
  socket.on('error', () => {});
  // A question of a test fits a segment.
  socket.on('data', chunk => {
    const answer = answerTo(chunk.subarray(2), 65_535);
    if (answer === undefined) return;
    const length = Buffer.alloc(2);
    length.writeUInt16BE(answer.length);
    socket.write(Buffer.concat([length, answer]));
  });
});
datagrams.bind(PORT, address, () => streams.listen(PORT, address, () => print('ready')));
