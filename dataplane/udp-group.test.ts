/** Several ports that receive on one UDP port, on the real kernel. */
import { createSocket } from 'node:dgram';
import test, { type ExecutionContext } from 'ava';
import { parseIp } from './address.ts';
import { Arena } from './arena.ts';
import { Collector } from './native/testing/collector.ts';
import { loopTurn } from './native/testing/process-state.ts';
import { NativeUdpPort, type UdpPortOptions } from './udp.ts';

const LOOPBACK = parseIp('127.0.0.1');
const FLOWS = 40;
const DATAGRAMS = 3;

function open(t: ExecutionContext, options: Pick<UdpPortOptions, 'share' | 'port'>) {
  const arena = new Arena({ slots: 8, slotSize: 2048 });
  const collector = new Collector(arena);
  const port = new NativeUdpPort(
    { arena },
    { address: LOOPBACK, sourceSockets: 1, gro: false, ...options },
    collector,
  );
  t.teardown(() => port.close());
  return { port: port.port, collector };
}

/** Sends datagrams from a socket of its own, so from a source port of its own. */
async function sendFlow(port: number): Promise<void> {
  const socket = createSocket('udp4');
  for (let i = 0; i < DATAGRAMS; i++) {
    await new Promise(resolve => socket.send(Buffer.alloc(64), port, LOOPBACK, resolve));
  }
  socket.close();
}

test('ports that share a UDP port each get whole flows', async t => {
  const first = open(t, { share: 'founds', port: 0 });
  const { port } = first;
  const group = [first, open(t, { share: 'joins', port }), open(t, { share: 'joins', port })];
  const counts = () => group.map(({ collector }) => collector.frames.length);
  for (let flow = 0; flow < FLOWS; flow++) {
    const before = counts();
    const shares = () => counts().map((count, i) => count - (before[i] ?? 0));
    await sendFlow(port);
    for (let turn = 0; turn < 1000 && Math.max(...shares()) < DATAGRAMS; turn++) await loopTurn();
    t.deepEqual(shares().toSorted(), [0, 0, DATAGRAMS]);
  }
  t.true(
    counts().every(count => count > 0),
    `flows are divided: ${counts().join()}`,
  );
});

test('nobody founds a group, or receives alone, on a port that a group has', t => {
  const { port } = open(t, { share: 'founds', port: 0 });
  open(t, { share: 'joins', port });
  for (const share of ['founds', undefined] as const) {
    t.like(
      t.throws(() => open(t, { share, port })),
      { code: 'conflict' },
    );
  }
});
