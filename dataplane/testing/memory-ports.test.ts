import { constants } from 'node:os';
import test from 'ava';
import { parseIp } from '../address.ts';
import { WeftError } from '../errors.ts';
import { FLAG_NEEDS_CSUM, FrameBatch, GSO_TCPV4 } from '../frame-batch.ts';
import type { BatchHandler } from '../ports.ts';
import { Vtep } from '../vtep-table.ts';
import { pattern, udpFrame } from './frames.ts';
import { MemoryTapPair, MemoryUdpNetwork, type MemoryUdpNetworkOptions } from './memory-ports.ts';
import { MemoryArena, MemoryPump, memoryCompleteChecksum } from './memory-pump.ts';
import { tapPortContract, udpPortContract } from './port-contract.ts';
import { numberedFrame, SCRATCH_SIZE, Sender, statuses } from './port-probe.ts';

const { EAFNOSUPPORT, EINVAL, EIO } = constants.errno;
const PORT = 4789;
const noop: BatchHandler = () => undefined;

for (const mode of ['manual', 'microtask'] as const) {
  tapPortContract(`MemoryTapPair, ${mode}`, async handlers => {
    const arena = new MemoryArena();
    const pump = new MemoryPump(mode);
    const pair = new MemoryTapPair({ arena, pump }, handlers);
    const stop = pumpWhileOpen(mode, pump);
    return {
      a: pair.a,
      b: pair.b,
      arena: arena.memory,
      scratch: arena.allocate(SCRATCH_SIZE),
      settle: async () => void pump.deliver(),
      close: async () => stop(),
    };
  });

  for (const [addressOfA, addressOfB] of [
    [parseIp('192.0.2.1'), parseIp('192.0.2.2')],
    [parseIp('2001:db8::1'), parseIp('2001:db8::2')],
  ] as const) {
    udpPortContract(`MemoryUdpNetwork, ${mode}, ${addressOfA}`, async handlers => {
      const arena = new MemoryArena();
      const pump = new MemoryPump(mode);
      const network = new MemoryUdpNetwork({ arena, pump });
      const stop = pumpWhileOpen(mode, pump);
      return {
        a: network.open(handlers.a, { address: addressOfA, port: PORT }),
        b: network.open(handlers.b, { address: addressOfB, port: PORT }),
        addressOfA,
        addressOfB,
        port: PORT,
        mtu: 1500,
        arena: arena.memory,
        scratch: arena.allocate(SCRATCH_SIZE),
        sendRawToB: async bytes => {
          network.inject({ from: addressOfA, fromPort: 1, to: addressOfB, toPort: PORT, bytes });
        },
        settle: async () => void pump.deliver(),
        close: async () => stop(),
      };
    });
  }
}

/** Stands for the test that calls `deliver` itself: once in each turn of the loop. */
function pumpWhileOpen(mode: 'manual' | 'microtask', pump: MemoryPump): () => void {
  let isOpen = mode === 'manual';
  const turn = () => {
    if (!isOpen) return;
    pump.deliver();
    setImmediate(turn);
  };
  if (isOpen) setImmediate(turn);
  return () => {
    isOpen = false;
  };
}

function udpSetUp(options: MemoryUdpNetworkOptions = {}) {
  const arena = new MemoryArena();
  const pump = new MemoryPump();
  const network = new MemoryUdpNetwork({ arena, pump }, options);
  const heard: { numbers: number[]; tos: number[] } = { numbers: [], tos: [] };
  const a = network.open(noop, { address: parseIp('192.0.2.1'), port: PORT });
  const listen: BatchHandler = (batch, count) => {
    for (let i = 0; i < count; i++) {
      heard.numbers.push(arena.view.getUint32(batch.offset(i) + 14));
      heard.tos.push(batch.tos(i));
    }
  };
  const b = network.open(listen, { address: parseIp('192.0.2.2'), port: PORT });
  const sender = new Sender(arena.memory, arena.allocate(SCRATCH_SIZE));
  const add = (n: number, to = '192.0.2.2') => {
    const i = sender.add(numberedFrame(n, 60), new Uint8Array(8));
    new Vtep(parseIp(to), PORT).writeTo(sender.batch, i);
    return i;
  };
  return { arena, pump, network, heard, a, b, sender, add };
}

/** A multiplicative congruential generator (Park and Miller): seeded, so that a failure repeats. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 0x7fff_ffff;
    return state / 0x7fff_ffff;
  };
}

test('MemoryPump: manual delivers nothing before deliver(), which tells how many frames moved', t => {
  const { pump, heard, a, sender, add } = udpSetUp();
  for (let n = 0; n < 100; n++) add(n);
  a.send(sender.batch, 0, 100);
  t.deepEqual(heard.numbers, []);
  t.is(pump.deliver(), 100);
  t.is(heard.numbers.length, 100);
  t.is(pump.deliver(), 0);
});

test('MemoryPump: frames that go round for ever are an error, not a hang', t => {
  const arena = new MemoryArena();
  const pump = new MemoryPump();
  const pair: MemoryTapPair = new MemoryTapPair(
    { arena, pump },
    {
      a: (batch, count) => pair.a.write(batch, 0, count),
      b: (batch, count) => pair.b.write(batch, 0, count),
    },
  );
  const sender = new Sender(arena.memory, arena.allocate(SCRATCH_SIZE));
  sender.add(numberedFrame(1, 60));
  pair.a.write(sender.batch, 0, 1);
  t.throws(() => pump.deliver(), { instanceOf: WeftError, message: /round in a loop/ });
});

test('MemoryTapPair: a device that is down refuses with EIO; super-frames keep their metadata', t => {
  const arena = new MemoryArena(32 * 1024 * 1024);
  const pump = new MemoryPump();
  const seen: number[][] = [];
  const pair = new MemoryTapPair(
    { arena, pump },
    {
      a: noop,
      b: (batch, count) => {
        for (let i = 0; i < count; i++) seen.push([batch.length(i), batch.gsoType(i), batch.gsoSize(i)]);
      },
    },
  );
  const sender = new Sender(arena.memory, arena.allocate(SCRATCH_SIZE));
  sender.add(pattern(65_000));
  sender.batch.setGsoType(0, GSO_TCPV4);
  sender.batch.setGsoSize(0, 1400);
  pair.setUp(false);
  pair.a.write(sender.batch, 0, 1);
  t.is(sender.batch.status(0), EIO);
  pair.setUp(true);
  pair.a.write(sender.batch, 0, 1);
  pump.deliver();
  t.deepEqual(seen, [[65_000, GSO_TCPV4, 1400]]);
});

test('MemoryUdpNetwork: seeded loss loses the same frames each time, and the sender does not know', t => {
  const run = (seed: number) => {
    const { pump, heard, a, sender, add } = udpSetUp({ loss: 0.3, random: seeded(seed) });
    for (let n = 0; n < 200; n++) add(n);
    a.send(sender.batch, 0, 200);
    pump.deliver();
    t.true(statuses(sender.batch, 200).every(status => status === 0));
    return heard.numbers;
  };
  const first = run(7);
  t.true(first.length > 110 && first.length < 170, `${first.length} of 200 arrived`);
  t.deepEqual(run(7), first);
  t.notDeepEqual(run(8), first);
});

test('MemoryUdpNetwork: routers may mark congestion', t => {
  const { pump, heard, a, sender, add } = udpSetUp({ mark: tos => ((tos & 3) === 2 ? tos | 3 : tos) });
  sender.batch.setTos(add(0), 2);
  sender.batch.setTos(add(1), 0);
  a.send(sender.batch, 0, 2);
  pump.deliver();
  t.deepEqual(heard.tos, [3, 0]);
});

test('MemoryUdpNetwork: what nobody listens for vanishes; another family, socket or a super-frame is refused', t => {
  const { pump, a, sender, add } = udpSetUp();
  add(0, '192.0.2.9');
  add(1, '2001:db8::2');
  sender.batch.setSocket(add(2), 4);
  sender.batch.setGsoType(add(3), GSO_TCPV4);
  a.send(sender.batch, 0, 4);
  t.deepEqual(statuses(sender.batch, 4), [0, EAFNOSUPPORT, EINVAL, EINVAL]);
  t.is(pump.deliver(), 0);
});

test('MemoryUdpNetwork: an address and port is opened once, and again after close()', t => {
  const { network, b } = udpSetUp();
  const options = { address: parseIp('192.0.2.2'), port: PORT };
  const error = t.throws(() => network.open(noop, options), { instanceOf: WeftError });
  t.is(error.code, 'conflict');
  b.close();
  t.notThrows(() => network.open(noop, options));
});

test('memoryCompleteChecksum(): completes in place, clears the flag, refuses what lies outside the frame', t => {
  const arena = new MemoryArena();
  const complete = memoryCompleteChecksum(arena);
  const sender = new Sender(arena.memory, arena.allocate(SCRATCH_SIZE));
  const i = sender.add(udpFrame({ checksum: 'partial' }));
  const { batch } = sender;
  const bytes = () => arena.bytes.slice(batch.offset(i), batch.offset(i) + batch.length(i));
  t.is(complete(batch, i), 0);
  t.deepEqual(bytes(), Uint8Array.from(udpFrame({ checksum: 'partial' })), 'nothing asked, nothing done');
  batch.setFlags(i, FLAG_NEEDS_CSUM);
  batch.setCsumStart(i, 34);
  batch.setCsumOffset(i, 6);
  t.is(complete(batch, i), 0);
  t.deepEqual(bytes(), Uint8Array.from(udpFrame()));
  t.is(batch.flags(i), 0);
  batch.setFlags(i, FLAG_NEEDS_CSUM);
  batch.setCsumStart(i, batch.length(i));
  t.is(complete(batch, i), EINVAL);
  const outside = new FrameBatch(1);
  outside.setOffset(0, arena.memory.byteLength);
  outside.setLength(0, 60);
  outside.setFlags(0, FLAG_NEEDS_CSUM);
  t.is(complete(outside, 0), EINVAL);
});

test('MemoryArena: says when it is full', t => {
  const arena = new MemoryArena(100);
  t.is(arena.allocate(60), 0);
  t.is(arena.allocate(40), 60);
  t.throws(() => arena.allocate(1), { instanceOf: WeftError });
});
