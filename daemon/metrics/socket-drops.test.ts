import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { maxDescriptors } from './process-samples.ts';
import { dropsOf, socketDrops } from './socket-drops.ts';

const TABLE = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  310: 010200C0:12B5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 7
  310: 010200C0:12B5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 2 2 0000000000000000 5
  311: 010200C0:1F0A 010200C0:12B5 01 00000000:00000000 00:00000000 00000000     0        0 3 2 0000000000000000 9
`;

test('dropsOf adds up the sockets that are bound to the port', t => {
  t.is(dropsOf(4789, TABLE), 12);
  t.is(dropsOf(7946, TABLE), 9);
  t.is(dropsOf(53, TABLE), 0);
  t.is(dropsOf(0x2b5, TABLE), 0);
});

test('socketDrops counts what a full socket loses', async t => {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 2048 });
  t.teardown(() => socket.close());
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  t.is((await socketDrops([port])).get(port), 0);
  const sender = createSocket('udp4');
  t.teardown(() => sender.close());
  const message = Buffer.alloc(1500);
  // All are sent in one turn of the loop: the receiver cannot read in between.
  const sent = Array.from(
    { length: 64 },
    () => new Promise(done => sender.send(message, port, '127.0.0.1', done)),
  );
  await Promise.all(sent);
  t.true(Number((await socketDrops([port])).get(port)) > 0);
});

test('maxDescriptors reads the soft limit', async t => {
  t.is(
    maxDescriptors('Max open files            1024                 4096                 files     \n'),
    1024,
  );
  t.is(maxDescriptors('Max open files            unlimited  unlimited files\n'), Number.POSITIVE_INFINITY);
  t.true(maxDescriptors(await readFile('/proc/self/limits', 'utf8')) > 0);
});
