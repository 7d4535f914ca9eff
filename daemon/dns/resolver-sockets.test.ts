import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import type { IpAddress } from '../../dataplane/address.ts';
import { delay, systemClock } from '../../dataplane/clock.ts';
import { closeServiceSocket, openServiceSockets } from '../../dataplane/service-socket.ts';
import { netnsPath } from '../lab/names.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { Transport } from './exchange.ts';
import { openResolverSockets } from './resolver-sockets.ts';

const LISTEN = '127.0.47.89' as IpAddress;

function addNamespace(t: ExecutionContext, name: string): string {
  const full = `weft-${name}-${process.pid}`;
  execFileSync('ip', ['netns', 'add', full]);
  t.teardown(() => execFileSync('ip', ['netns', 'del', full]));
  return full;
}

/** Sockets in a namespace of their own, whose answer is the query. */
async function rig(t: ExecutionContext, name: string) {
  const netns = addNamespace(t, name);
  const seen: (readonly [number, Transport])[] = [];
  const events = { refused: 0, lost: [] as string[] };
  const sockets = await openResolverSockets(netnsPath(netns), LISTEN, {
    onQuery: async (query, via) => {
      seen.push([query.length, via]);
      return (query[0] ?? 0) === 0 ? undefined : query;
    },
    onRefused: () => {
      events.refused += 1;
    },
    onLost: error => {
      events.lost.push(error.message);
    },
  });
  t.teardown(() => sockets.close());
  return { netns, sockets, seen, events };
}

/** Runs a script of Node inside, and returns what it prints. */
async function inside(netns: string, script: string): Promise<string> {
  const head = `import { connect } from 'node:net'; import { createSocket } from 'node:dgram'; import { once } from 'node:events';
    const HOST = '${LISTEN}', PORT = 53; const print = value => process.stdout.write(JSON.stringify(value));`;
  const args = ['netns', 'exec', netns, process.execPath, '--input-type=module', '-e', `${head}\n${script}`];
  const child = spawn('ip', args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: 20_000 });
  let out = '';
  child.stdout.on('data', chunk => {
    out += chunk;
  });
  await once(child, 'close');
  return out;
}

/** Descriptors of this process. Counted by itself: of one that starts another to count, those for the other come and go. */
function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

test.serial('a container is answered over UDP and TCP, from the address that it asked', async t => {
  const { netns, seen } = await rig(t, 'answer');
  const out = await inside(
    netns,
    `const udp = createSocket('udp4'); udp.send('datagram', PORT, HOST);
     const [answer, from] = await once(udp, 'message'); udp.close();
     const tcp = connect(PORT, HOST); tcp.write(Buffer.from([0, 2, 65, 66, 0, 1]));
     setTimeout(() => tcp.end(Buffer.from([67])), 20);
     const chunks = []; for await (const chunk of tcp) chunks.push(chunk);
     print([answer.toString(), from.address, Buffer.concat(chunks).toString('hex')]);`,
  );
  // Two messages, the second one in two pieces, and answered though the client has ended.
  t.is(out, '["datagram","127.0.47.89","00024142000143"]');
  t.deepEqual(seen, [
    [8, 'udp'],
    [2, 'tcp'],
    [1, 'tcp'],
  ]);
});

test.serial('connections are counted, and a message that is too long ends its own', async t => {
  const { netns, events } = await rig(t, 'limits');
  const out = await inside(
    netns,
    `const open = []; let closed = 0;
     for (let i = 0; i < 24; i++) {
       const socket = connect(PORT, HOST); socket.on('error', () => {}); socket.on('close', () => { closed += 1; }); socket.resume(); open.push(socket);
     }
     while (closed < 8) await new Promise(resolve => setTimeout(resolve, 5));
     await new Promise(resolve => setTimeout(resolve, 50));
     const refused = closed;
     open.find(socket => !socket.destroyed).write(Buffer.from([0x10, 0x01]));
     while (closed < 9) await new Promise(resolve => setTimeout(resolve, 5));
     for (const socket of open) socket.destroy();
     print(refused);`,
  );
  t.is(out, '8');
  t.is(events.refused, 8);
});

test.serial('who does not read his answers is not given more of them', async t => {
  const { netns, events } = await rig(t, 'unread');
  const out = await inside(
    netns,
    `const socket = connect({ port: PORT, host: HOST }); socket.pause(); let closed = false;
     socket.on('error', () => {}); socket.on('close', () => { closed = true; });
     const message = Buffer.alloc(4098, 1); message.writeUInt16BE(4096);
     for (let i = 0; i < 20000 && !closed; i++) if (!socket.write(message)) await Promise.race([once(socket, 'drain').catch(() => {}), once(socket, 'close').catch(() => {})]);
     print(closed);`,
  );
  t.is(out, 'true');
  t.true(events.refused >= 1);
});

test.serial('datagrams of all lengths and contents end nothing', async t => {
  const { netns, seen } = await rig(t, 'fuzz');
  const out = await inside(
    netns,
    `const udp = createSocket('udp4'); await new Promise(resolve => udp.connect(PORT, HOST, resolve));
     for (const length of [0, 1, 11, 12, 13, 512, 4096, 9000, 65507]) await new Promise(resolve => udp.send(Buffer.alloc(length), resolve));
     udp.send('last'); const [answer] = await once(udp, 'message'); udp.close(); print(answer.toString());`,
  );
  t.is(out, '"last"');
  t.true(seen.length >= 9);
});

test.serial('closing leaves no descriptor, and the port to others', async t => {
  const netns = addNamespace(t, 'close');
  const before = descriptors();
  for (let i = 0; i < 20; i++) {
    const handlers = { onQuery: async () => undefined, onRefused: () => {}, onLost: () => {} };
    const sockets = await openResolverSockets(netnsPath(netns), LISTEN, handlers);
    t.true(descriptors() >= before + 2);
    sockets.close();
    sockets.close();
    await delay(systemClock, 1);
  }
  await waitFor(async () => descriptors() <= before, {
    what: 'all descriptors to be closed',
    timeoutMs: 2_000,
  });
  t.is(descriptors(), before);
});

test.serial('openServiceSockets: what is refused, and why', t => {
  const netns = addNamespace(t, 'refused');
  const path = netnsPath(netns);
  execFileSync('ip', ['-n', netns, 'link', 'set', 'lo', 'up']);
  const held = openServiceSockets(path, LISTEN, 53);
  const taken = t.throws(() => openServiceSockets(path, LISTEN, 53), { code: 'conflict' });
  t.regex(taken?.message ?? '', /cannot listen on UDP port 53 of 127\.0\.47\.89 in .*EADDRINUSE/);
  closeServiceSocket(held.udp);
  // The TCP port alone is held: the UDP socket that was opened before it is closed again.
  const before = descriptors();
  t.throws(() => openServiceSockets(path, LISTEN, 53), { code: 'conflict', message: /TCP port 53/ });
  t.is(descriptors(), before);
  closeServiceSocket(held.tcp);
  t.throws(() => openServiceSockets('/run/netns/weft-none', LISTEN, 53), { code: 'not_found' });
  t.throws(() => openServiceSockets('/etc/passwd', LISTEN, 53), { code: 'not_found' });
  t.throws(() => openServiceSockets(path, '192.0.2.1' as IpAddress, 53), {
    code: 'system',
    message: /EADDRNOTAVAIL/,
  });
  t.throws(() => openServiceSockets(path, '::1' as IpAddress, 53), { code: 'invalid_argument' });
  t.true(
    readFileSync('/proc/net/udp', 'utf8')
      .split('\n')
      .every(line => !line.includes('592F007F:0035')),
    'not in our own namespace',
  );
});
