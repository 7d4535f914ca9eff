/**
 * Run inside a namespace of its own (underlay.test.ts): a TAP stands for the underlay device, so that what a UDP port
 * puts on the wire can be read byte by byte. Prints one JSON object.
 *
 *   NativeUdpPort 192.0.2.1, 2001:db8::1 ── IP stack ── TAP "underlay", MTU 1400 ── NativeTapPort (this file)
 */
import { execFileSync } from 'node:child_process';
import { ipToBytes, parseIp } from '../../address.ts';
import { Arena } from '../../arena.ts';
import { checksumCompleter } from '../../checksum-completer.ts';
import { FrameBatch } from '../../frame-batch.ts';
import { NativeTapPort } from '../../tap.ts';
import { openTap } from '../../tap-device.ts';
import { NativeUdpPort } from '../../udp.ts';
import { Collector } from './collector.ts';
import { ip } from './namespace.ts';

/** What the scenario observes of one underlay family. */
export interface Observation {
  /** Statuses of the frames sent: sizes 100, largest that fits, one more, 200. */
  readonly statuses: readonly number[];
  /** Hexadecimal IP packets seen on the wire, checksums complete. */
  readonly packets: readonly string[];
  readonly sourcePorts: readonly number[];
}

const MTU = 1400;
const ENCAP = 8;

execFileSync('sysctl', ['-qw', 'net.ipv6.conf.all.disable_ipv6=0', 'net.ipv6.conf.default.accept_dad=0']);
execFileSync('sysctl', ['-qw', 'net.ipv6.conf.default.disable_ipv6=0']);
const arena = new Arena();
const { fd } = openTap({ name: 'underlay', persist: false, mtu: MTU });
ip('address', 'add', '192.0.2.1/24', 'dev', 'underlay');
ip('address', 'add', '192.0.2.9/24', 'dev', 'underlay');
ip('link', 'set', 'dev', 'underlay', 'up');
ip('address', 'add', '2001:db8::1/64', 'dev', 'underlay', 'nodad');
ip('neigh', 'add', '192.0.2.2', 'lladdr', '02:00:00:00:00:02', 'dev', 'underlay');
ip('neigh', 'add', '2001:db8::2', 'lladdr', '02:00:00:00:00:02', 'dev', 'underlay');

const complete = checksumCompleter({ arena });
const wire = new Collector(arena, frame => isOurs(frame));
const tap = new NativeTapPort(
  { arena },
  { fd },
  {
    onFrames(batch, count) {
      for (let i = 0; i < count; i++) complete(batch, i);
      wire.onFrames(batch, count);
    },
    onLost: wire.onLost,
  },
);

/** UDP to port 4789; the namespace sends neighbour discovery and the like, too. */
function isOurs(frame: Buffer): boolean {
  const transport = frame.readUInt16BE(12) === 0x0800 ? 34 : 54;
  return frame.length >= transport + 8 && frame.readUInt16BE(transport + 2) === 4789;
}

async function observe(from: string, to: string): Promise<Observation> {
  const address = parseIp(from);
  const port = new NativeUdpPort(
    { arena },
    { address, port: 4789, sourceSockets: 2 },
    { onFrames: () => undefined, onLost: () => undefined },
  );
  const overhead = (to.includes(':') ? 40 : 20) + 8 + ENCAP;
  const lengths = [100, MTU - overhead, MTU - overhead + 1, 200];
  const batch = new FrameBatch(lengths.length);
  const bytes = Buffer.alloc(16);
  bytes.set(ipToBytes(parseIp(to)));
  lengths.forEach((length, i) => {
    batch.setOffset(i, arena.scratchOffset + ENCAP);
    batch.setLength(i, length);
    batch.setEncapLength(i, ENCAP);
    batch.setFamily(i, to.includes(':') ? 6 : 4);
    batch.setPort(i, 4789);
    batch.setSocket(i, i % 2);
    batch.setTos(i, i === 3 ? 0xb9 : 0);
    for (let word = 0; word < 4; word++) batch.setAddressWord(i, word, bytes.readUInt32LE(4 * word));
  });
  const seen = wire.frames.length;
  port.send(batch, 0, lengths.length);
  const statuses = lengths.map((_, i) => batch.status(i));
  await wire.atLeast(seen + statuses.filter(status => status === 0).length);
  port.close();
  return {
    statuses,
    packets: wire.frames.slice(seen).map(({ frame }) => frame.subarray(14).toString('hex')),
    sourcePorts: port.sourcePorts,
  };
}

const observations = {
  v4: await observe('192.0.2.1', '192.0.2.2'),
  secondary: await observe('192.0.2.9', '192.0.2.2'),
  v6: await observe('2001:db8::1', '2001:db8::2'),
};
tap.close();
process.stdout.write(JSON.stringify(observations));
