/**
 * Run inside a namespace of its own, once for each way in which calls may share a system call or not (ring.test.ts). Its
 * argument is JSON: {@link RingScenario}. Prints one JSON object.
 *
 *   NativeUdpPort ─ 4 source sockets ─► lo ─► NativeUdpPort
 *   NativeTapPort ── tap a ──┬── bridge ──┬── tap b ── NativeTapPort
 */
import { execFileSync } from 'node:child_process';
import { ipToBytes, parseIp } from '../../address.ts';
import { Arena } from '../../arena.ts';
import { FrameBatch } from '../../frame-batch.ts';
import type { PortCounters } from '../../ports.ts';
import { NativeTapPort } from '../../tap.ts';
import { openTap } from '../../tap-device.ts';
import { NativeUdpPort } from '../../udp.ts';
import { Collector } from './collector.ts';
import { ip } from './namespace.ts';
import { frameOf, PLAIN } from './segments.ts';

export interface RingScenario {
  readonly ring: boolean;
  /** Errnos; 0 for none. */
  readonly use: number;
  readonly probe: number;
}

export interface RingObservation {
  /** The datagrams of each source socket, and the frames of tap b, in hexadecimal as they arrived. */
  readonly datagrams: readonly (readonly string[])[];
  readonly frames: readonly string[];
  readonly statuses: readonly number[];
  readonly missing: readonly string[];
  readonly lost: readonly (readonly [string, number])[];
  /** Of the sending UDP port and of tap a. */
  readonly sent: Pick<PortCounters, 'txFrames' | 'txErrors' | 'txBatches'>;
  readonly written: Pick<PortCounters, 'txFrames' | 'txErrors' | 'txBatches'>;
}

const SOCKETS = 4;
const ROUNDS = 3;
const FRAMES = 40;
const LOOPBACK = parseIp('127.0.0.1');

const { ring, use, probe } = JSON.parse(process.argv[2] ?? '{}') as RingScenario;
const arena = new Arena({ scratchSize: 1024 * 1024 });
const modules = { arena, ring, injectedRing: { use, probe } };
const lost: [string, number][] = [];
const onOffloadLost = (offload: string, errno: number): unknown => lost.push([offload, errno]);
const silent = { onFrames: () => undefined, onLost: () => undefined, onOffloadLost };

execFileSync('sysctl', ['-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1']);
ip('link', 'set', 'lo', 'up');
ip('link', 'add', 'bridge', 'type', 'bridge', 'mcast_snooping', '0');
ip('link', 'set', 'bridge', 'up');

function openTapPort(name: string, handlers: ConstructorParameters<typeof NativeTapPort>[2]): NativeTapPort {
  const { fd } = openTap({ name, persist: false });
  const port = new NativeTapPort(modules, { fd }, handlers);
  ip('link', 'set', 'dev', name, 'master', 'bridge', 'up');
  return port;
}

/** Frames of different lengths, each with its number, in the scratch area of the arena. */
function compose(round: number): FrameBatch {
  const batch = new FrameBatch(FRAMES);
  const address = Buffer.alloc(16);
  address.set(ipToBytes(LOOPBACK));
  let offset = arena.scratchOffset;
  for (let i = 0; i < FRAMES; i++) {
    const frame = frameOf({ ...PLAIN, payload: Buffer.alloc(10 + ((i * 37) % 900), round * FRAMES + i) });
    arena.bytes.fill(0x08, offset, offset + 8);
    arena.bytes.set(frame, offset + 8);
    batch.setOffset(i, offset + 8);
    batch.setLength(i, frame.length);
    batch.setEncapLength(i, 8);
    batch.setFamily(i, 4);
    batch.setPort(i, receiver.port);
    batch.setSocket(i, (i * 7) % SOCKETS);
    for (let word = 0; word < 4; word++) batch.setAddressWord(i, word, address.readUInt32LE(4 * word));
    offset += frame.length + 8;
  }
  return batch;
}

const datagrams = new Collector(arena);
const frames = new Collector(arena, frame => frame.readUIntBE(6, 6) === PLAIN.sourceMac);
const plain = { address: LOOPBACK, port: 0, gro: false, coalesceTcp: false, coalesceUdp: false } as const;
const receiver = new NativeUdpPort(modules, plain, datagrams);
const sender = new NativeUdpPort(modules, { ...plain, sourceSockets: SOCKETS }, silent);
const a = openTapPort('tap-a', silent);
const b = openTapPort('tap-b', { ...silent, onFrames: frames.onFrames });

const statuses: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const batch = compose(round);
  for (const port of [a, sender]) {
    if (port === a) a.write(batch, 0, FRAMES);
    else sender.send(batch, 0, FRAMES);
    for (let i = 0; i < FRAMES; i++) statuses.push(batch.status(i));
  }
  await Promise.all([datagrams.atLeast((round + 1) * FRAMES), frames.atLeast((round + 1) * FRAMES)]);
}

const counters = ({ txFrames, txErrors, txBatches }: PortCounters) => ({ txFrames, txErrors, txBatches });
const observation: RingObservation = {
  datagrams: sender.sourcePorts.map(port =>
    datagrams.frames.filter(frame => frame.port === port).map(({ frame }) => frame.toString('hex')),
  ),
  frames: frames.frames.map(({ frame }) => frame.toString('hex')),
  statuses,
  missing: sender.missing,
  lost,
  sent: counters(sender.counters),
  written: counters(a.counters),
};
for (const port of [a, b, sender, receiver]) port.close();
process.stdout.write(JSON.stringify(observation));
