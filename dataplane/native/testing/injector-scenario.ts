/**
 * Run inside a namespace of its own (injector.test.ts): what a UDP port writes into an injector, as a device that can do
 * nothing gets it from the kernel: cut, and with every checksum complete. Prints one JSON object.
 *
 *   NativeUdpPort ─┬─ TAP "injector" ── tc: redirect ──┬── TAP "wire", MTU 1500 ── read here
 *                  └─ sockets ── IP stack ─────────────┘
 */
import { execFileSync } from 'node:child_process';
import { readSync } from 'node:fs';
import { ipToBytes, parseIp, parseMac } from '../../address.ts';
import { Arena } from '../../arena.ts';
import { WeftError } from '../../errors.ts';
import { FLAG_NEEDS_CSUM, FrameBatch } from '../../frame-batch.ts';
import { closeInjector, openInjector, openObserver } from '../../injector-device.ts';
import { readCounters } from '../../port-counters.ts';
import type { PortCounters } from '../../ports.ts';
import { NativeUdpPort } from '../../udp.ts';
import { INJECTED, type InjectedFrame, MTU, NEXT_HOP_MAC } from './injected-frames.ts';
import { ip } from './namespace.ts';

/** What one run over an underlay family has shown. */
export interface Injection {
  /** By the name of the frame. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Hexadecimal frames on the wire, outer Ethernet header first, by the name of the frame. */
  readonly frames: Readonly<Record<string, readonly string[]>>;
  readonly sourcePorts: readonly number[];
  readonly counters: PortCounters;
  /** What onOffloadLost was called with. */
  readonly lost: readonly (readonly [string, number])[];
  /** Whether txTunnelLost names the injector. */
  readonly isInjectorNamed: boolean;
  /** Whether sending left the arena as it was. */
  readonly untouched: boolean;
}

const ENCAP = 8;
/** 02:00:00:00:00:01 is the wire's own. */
const WIRE_MAC = '02:00:00:00:00:01';

execFileSync('sysctl', ['-qw', 'net.ipv6.conf.all.disable_ipv6=0', 'net.ipv6.conf.default.accept_dad=0']);
execFileSync('sysctl', ['-qw', 'net.ipv6.conf.default.disable_ipv6=0', 'net.ipv4.ip_default_ttl=61']);
const wire = openObserver('wire');
ip('link', 'set', 'dev', 'wire', 'address', WIRE_MAC, 'mtu', String(MTU), 'up');
ip('address', 'add', '192.0.2.1/24', 'dev', 'wire');
ip('address', 'add', '2001:db8::1/64', 'dev', 'wire', 'nodad');
for (const peer of ['192.0.2.2', '2001:db8::2'])
  ip('neigh', 'add', peer, 'lladdr', NEXT_HOP_MAC, 'dev', 'wire', 'nud', 'permanent');

function makeInjector(): ReturnType<typeof openInjector> {
  const injector = openInjector('injector');
  ip('link', 'set', 'dev', 'injector', 'up');
  execFileSync('tc', ['qdisc', 'add', 'dev', 'injector', 'clsact']);
  const filter = 'filter add dev injector ingress protocol all prio 1 u32 match u32 0 0';
  execFileSync('tc', [...filter.split(' '), ...'action mirred egress redirect dev wire'.split(' ')]);
  return injector;
}

/** Frames to the VXLAN port that the wire got since it was read last. */
function onWire(): string[] {
  const frames: string[] = [];
  const buffer = Buffer.alloc(70_000);
  for (;;) {
    let bytes: number;
    try {
      bytes = readSync(wire.fd, buffer);
    } catch {
      return frames;
    }
    // An observer has the default vnet header of 10 bytes.
    const frame = buffer.subarray(10, bytes);
    const udp = frame[14] === 0x45 ? 34 : 54;
    if (frame.length > udp + 8 && frame.readUInt16BE(udp + 2) === 4789) frames.push(frame.toString('hex'));
  }
}

function describe(
  arena: Arena,
  batch: FrameBatch,
  injected: InjectedFrame,
  to: string,
  nextHop: number,
): void {
  const at = arena.scratchOffset + ENCAP;
  arena.bytes.set([8, 0, 0, 0, 0, 0, 42, 0], arena.scratchOffset);
  arena.bytes.set(injected.frame.bytes, at);
  batch.setOffset(0, at);
  batch.setLength(0, injected.frame.bytes.length);
  batch.setEncapLength(0, ENCAP);
  batch.setGsoType(0, injected.gsoType);
  batch.setGsoSize(0, injected.gsoType === 0 ? 0 : injected.frame.gsoSize);
  batch.setFlags(0, injected.needsChecksum ? FLAG_NEEDS_CSUM : 0);
  batch.setCsumStart(0, injected.frame.csumStart);
  batch.setCsumOffset(0, injected.csumOffset);
  batch.setTos(0, injected.tos);
  batch.setFamily(0, to.includes(':') ? 6 : 4);
  batch.setPort(0, 4789);
  batch.setSocket(0, 1);
  batch.setNextHop(0, nextHop);
  const address = Buffer.alloc(16);
  address.set(ipToBytes(parseIp(to)));
  for (let word = 0; word < 4; word++) batch.setAddressWord(0, word, address.readUInt32LE(4 * word));
}

interface Fault {
  readonly errno?: number;
  /** Done to the injector before the first frame. */
  readonly before?: () => void;
}

function observe(from: string, to: string, fault: Fault = {}): Injection {
  const arena = new Arena({ slots: 1 });
  const injector = makeInjector();
  const lost: [string, number][] = [];
  const port = new NativeUdpPort(
    { arena },
    { address: parseIp(from), port: 0, sourceSockets: 2, injected: { tunnel: fault.errno ?? 0 } },
    {
      onFrames: () => undefined,
      onLost: () => undefined,
      onOffloadLost: (offload, errno) => lost.push([offload, errno]),
    },
  );
  const hop = { mtu: MTU, source: parseMac(WIRE_MAC), destination: parseMac(NEXT_HOP_MAC) };
  port.setNextHops([
    { ...hop, fd: -1 },
    { ...hop, fd: injector.fd },
  ]);
  fault.before?.();
  onWire();
  const batch = new FrameBatch(1);
  const statuses: Record<string, number> = {};
  const frames: Record<string, string[]> = {};
  let untouched = true;
  for (const [name, injected] of Object.entries(INJECTED)) {
    describe(arena, batch, injected, to, injected.nextHop ?? 2);
    const before = Buffer.from(arena.bytes);
    port.send(batch, 0, 1);
    statuses[name] = batch.status(0);
    frames[name] = onWire();
    // By the sockets, a partial checksum is completed in place.
    if (!injected.needsChecksum || injected.gsoType !== 0) untouched &&= before.equals(arena.bytes);
  }
  const counters = readCounters(port.counters);
  port.close();
  closeInjector(injector);
  return {
    statuses,
    frames,
    sourcePorts: port.sourcePorts,
    counters,
    lost,
    isInjectorNamed: counters.txTunnelLost === injector.fd,
    untouched,
  };
}

/** What happens to whoever wants an injector of a name that a TAP of somebody else has. */
function takeForeign(): string {
  ip('tuntap', 'add', 'dev', 'foreign', 'mode', 'tap');
  try {
    openInjector('foreign');
    return 'taken over';
  } catch (error) {
    return error instanceof WeftError ? error.code : String(error);
  }
}

const foreign = takeForeign();
const observations: Record<string, Injection> = {
  v4: observe('192.0.2.1', '192.0.2.2'),
  v6: observe('2001:db8::1', '2001:db8::2'),
  injected: observe('192.0.2.1', '192.0.2.2', { errno: 22 }),
  down: observe('192.0.2.1', '192.0.2.2', {
    before: () => ip('link', 'set', 'dev', 'injector', 'down'),
  }),
  deleted: observe('192.0.2.1', '192.0.2.2', { before: () => ip('link', 'del', 'dev', 'injector') }),
};
closeInjector(wire);
process.stdout.write(JSON.stringify({ foreign, observations }));
