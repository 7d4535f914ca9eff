/**
 * `stream-send HOST PORT BYTES`: sends that many bytes of a fixed stream over one TCP connection and prints
 * `{bytes, sha256, seconds}` of what it sent.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { systemClock } from '../../../dataplane/clock.ts';
import { argument, numberArgument, print } from './main.ts';

const CHUNK = 256 * 1024;

const total = numberArgument(2, 'BYTES');
// The key stream of AES in counter mode: fixed, never repeating, and nothing on the way can guess or compress it.
const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 0x77), Buffer.alloc(16));
const hash = createHash('sha256');
const zeros = Buffer.alloc(CHUNK);

const socket = connect({ host: argument(0, 'HOST'), port: numberArgument(1, 'PORT') });
await once(socket, 'connect');
const start = systemClock.now();
for (let sent = 0; sent < total; sent += CHUNK) {
  const chunk = cipher.update(zeros.subarray(0, Math.min(CHUNK, total - sent)));
  hash.update(chunk);
  if (!socket.write(chunk)) await once(socket, 'drain');
}
socket.end();
await once(socket, 'close');
print({ bytes: total, sha256: hash.digest('hex'), seconds: (systemClock.now() - start) / 1000 });
