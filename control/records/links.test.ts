import { connect, createServer, type Server, type Socket } from 'node:net';
import test from 'ava';
import { parseIp } from '../../dataplane/address.ts';
import { delay, systemClock } from '../../dataplane/clock.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { seededRandom } from '../random.ts';
import { type LinkPair, RecordedEnd, testLinks } from '../testing/link-contract.ts';
import { SimulatedLinks } from '../testing/links.ts';
import { SimulatedNetwork } from '../testing/network.ts';
import { NO_EPOCH } from './epoch.ts';
import { MAX_LINKS_PER_ADDRESS, MAX_UNPROVEN_LINKS } from './limits.ts';
import type { Link } from './link.ts';
import type { RecordPeer } from './peers.ts';
import { TcpLinks, UNSEALED } from './tcp-links.ts';

function peerAt(address: string, port: number): RecordPeer {
  return { name: 'peer', endpoint: { address: parseIp(address), port }, epoch: NO_EPOCH, vnis: new Set() };
}

testLinks(test, 'simulated', async () => {
  const clock = new ManualClock();
  const random = seededRandom(1);
  const network = new SimulatedNetwork({ clock, random }, { loss: 0.1, duplicate: 0.1, delay: [0.2, 5] });
  const links = new SimulatedLinks({ clock, network });
  const accepted: { link: Link; end: RecordedEnd }[] = [];
  const gate = (callback: () => void): void => callback();
  const accept = (link: Link): RecordedEnd => {
    const end = new RecordedEnd();
    accepted.push({ link, end });
    return end;
  };
  links.attach(peerAt('10.0.0.2', 7946), { accept, gate });
  const port = links.attach(peerAt('10.0.0.1', 7946), { accept, gate });
  return {
    accepted,
    open: (handler, to) => port.open(peerAt(to === 'nobody' ? '10.0.0.3' : '10.0.0.2', 7946), handler),
    until: async condition => {
      for (let waited = 0; waited < 60_000 && !condition(); waited += 10) clock.advance(10);
      return condition();
    },
    dispose: async () => {},
  };
});

/** A server on loopback that hands every connection to `onSocket`, and its port. */
async function listen(onSocket: (socket: Socket) => void): Promise<readonly [Server, number]> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, onSocket);
  await new Promise<void>(resolve => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const bound = server.address();
  return [server, typeof bound === 'object' && bound !== null ? bound.port : 0];
}

function makeTcpLinks(connectTimeout = 5000): TcpLinks {
  return new TcpLinks(
    { clock: systemClock, sealer: UNSEALED },
    { from: parseIp('127.0.0.1'), connectTimeout },
  );
}

async function until(condition: () => boolean, ms = 10_000): Promise<boolean> {
  for (let waited = 0; waited < ms && !condition(); waited += 5) await delay(systemClock, 5);
  return condition();
}

async function makeTcpPair(): Promise<LinkPair & { readonly port: number }> {
  const accepted: { link: Link; end: RecordedEnd }[] = [];
  const links = makeTcpLinks();
  const [server, port] = await listen(socket => {
    socket.once('data', head => {
      links.take(socket, Buffer.from(head), link => {
        const end = new RecordedEnd();
        accepted.push({ link, end });
        return end;
      });
    });
  });
  return {
    port,
    accepted,
    open: (handler, to) => links.open(peerAt('127.0.0.1', to === 'nobody' ? 1 : port), handler),
    until,
    dispose: async () => {
      links.close();
      await new Promise<void>(resolve => server.close(() => resolve()));
    },
  };
}

testLinks(test, 'TCP', makeTcpPair);

for (const [name, bytes] of [
  ['a preamble of another protocol', '776c6f6702'],
  ['a frame beyond the limit', '776c6f6701ffffffff'],
  ['a frame of no bytes', '776c6f670100000000'],
] as const) {
  test(`TCP: a peer that sends ${name} is cut off`, async t => {
    const pair = await makeTcpPair();
    const socket = connect({ host: '127.0.0.1', port: pair.port });
    socket.on('error', () => {});
    let isClosed = false;
    socket.on('close', () => {
      isClosed = true;
    });
    socket.write(Buffer.from(bytes, 'hex'));
    t.true(await until(() => isClosed));
    await pair.dispose();
  });
}

test('TCP: a peer that never finishes its preamble is cut off', async t => {
  const links = makeTcpLinks(50);
  const [server, port] = await listen(socket => {
    socket.once('data', head => links.take(socket, Buffer.from(head), () => new RecordedEnd()));
  });
  const socket = connect({ host: '127.0.0.1', port });
  let isClosed = false;
  socket.on('close', () => {
    isClosed = true;
  });
  socket.write(Buffer.from('77', 'hex'));
  t.true(await until(() => isClosed));
  await new Promise<void>(resolve => server.close(() => resolve()));
});

test('TCP: a link that we close is over, also if the peer does not close his side', async t => {
  const links = makeTcpLinks(50);
  const end = new RecordedEnd();
  const accepted: Link[] = [];
  const [server, port] = await listen(socket => {
    socket.once('data', head => {
      links.take(socket, Buffer.from(head), (link, from) => {
        t.is(from, parseIp('127.0.0.1'));
        accepted.push(link);
        return end;
      });
    });
  });
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.on('error', () => {});
  socket.write(Buffer.from('776c6f67010000000101', 'hex'));
  await until(() => end.frames.length === 1);
  accepted[0]?.close();
  const closed = await until(() => end.closed === 1, 2000);
  socket.destroy();
  await new Promise<void>(resolve => server.close(() => resolve()));
  t.true(closed);
});

/** Connections from these addresses that send a preamble and no more; what is still open after the first was cut off. */
async function openAfterFirstCut(addresses: readonly string[]): Promise<number> {
  const links = makeTcpLinks();
  const [server, port] = await listen(socket => {
    socket.once('data', head => links.take(socket, Buffer.from(head), () => new RecordedEnd()));
  });
  let open = addresses.length;
  const sockets = addresses.map(localAddress => {
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    socket.on('error', () => {});
    socket.on('close', () => {
      open -= 1;
    });
    socket.write(Buffer.from('776c6f6701', 'hex'));
    return socket;
  });
  await until(() => open < addresses.length);
  const left = open;
  for (const socket of sockets) socket.destroy();
  links.close();
  await new Promise<void>(resolve => server.close(() => resolve()));
  return left;
}

test('TCP: of one address so many links are taken, and no more', async t => {
  t.is(
    await openAfterFirstCut(Array.from({ length: MAX_LINKS_PER_ADDRESS + 1 }, () => '127.0.0.1')),
    MAX_LINKS_PER_ADDRESS,
  );
});

test('TCP: links that have proved nothing are bounded, wherever they come from', async t => {
  const addresses = Array.from({ length: MAX_UNPROVEN_LINKS + 1 }, (_, i) => `127.0.1.${1 + i}`);
  t.is(await openAfterFirstCut(addresses), MAX_UNPROVEN_LINKS);
});
