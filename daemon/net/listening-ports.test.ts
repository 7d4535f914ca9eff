import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import test from 'ava';
import { listeningPorts, parseTable } from './listening-ports.ts';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

test('parseTable: of TCP what listens, of UDP all', t => {
  const text = `${HEAD}   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
  11: 0100007F:D431 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
`;
  t.deepEqual(parseTable('tcp', text), [8080]);
  t.deepEqual(parseTable('udp', text), [8080, 54_321]);
});

test('listeningPorts: of the kernel, of both versions of IP', async t => {
  const server = createServer();
  server.listen(0, '::1');
  await once(server, 'listening');
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { tcp, udp } = await listeningPorts();
  const address = server.address();
  t.true(typeof address === 'object' && tcp.has(address?.port ?? 0));
  t.true(udp.has(socket.address().port));
  server.close();
  socket.close();
});
