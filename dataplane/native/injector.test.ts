/** The tunnel-GSO sender on the real kernel: whatever way a frame takes, the wire gets the same. */
import { execFileSync } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { referenceSegments } from '../testing/reference-segments.ts';
import { INJECTED, type InjectedFrame, MTU } from './testing/injected-frames.ts';
import type { Injection } from './testing/injector-scenario.ts';
import { makeNamespace } from './testing/namespace.ts';
import { referenceSum } from './testing/packets.ts';

const { EBADFD, EINVAL, EIO, EMSGSIZE } = { EBADFD: 77, ...constants.errno };
const UDP = 8;
const ENCAP = 8;

interface Observed {
  readonly foreign: string;
  readonly observations: Readonly<Record<string, Injection>>;
}

let observed: Observed | undefined;

function runScenario(t: ExecutionContext): Observed {
  if (observed === undefined) {
    const scenario = fileURLToPath(new URL('testing/injector-scenario.js', import.meta.url));
    const output = execFileSync('ip', ['netns', 'exec', makeNamespace(t).name, process.execPath, scenario], {
      encoding: 'utf8',
      maxBuffer: 16_000_000,
      timeout: 60_000,
    });
    observed = JSON.parse(output) as Observed;
  }
  return observed;
}

function observe(t: ExecutionContext, name: string): Injection {
  return runScenario(t).observations[name] as Injection;
}

/** The frames that have to come out of one: cut, complete. */
function expected({ frame, gsoType, whole }: InjectedFrame): readonly Uint8Array[] {
  if (whole !== undefined) return [whole];
  return referenceSegments(gsoType === 0 ? { ...frame, gsoSize: 65_535 } : frame);
}

/** Bytes of the longest packet on the wire. */
function outerLength(injected: InjectedFrame, ip: number): number {
  return ip + UDP + ENCAP + Math.max(...expected(injected).map(({ length }) => length));
}

for (const [name, ip] of [
  ['v4', 20],
  ['v6', 40],
] as const) {
  test(`over IP${name} the inner frames are what they would be without an injector`, t => {
    const { frames, statuses, untouched } = observe(t, name);
    t.true(untouched);
    for (const [kind, injected] of Object.entries(INJECTED)) {
      const fits = outerLength(injected, ip) <= MTU;
      t.is(statuses[kind], fits ? 0 : EMSGSIZE, kind);
      const inner = frames[kind]?.map(hex => hex.slice(2 * (14 + ip + UDP + ENCAP)));
      const wanted = fits ? expected(injected).map(bytes => Buffer.from(bytes).toString('hex')) : [];
      t.deepEqual(inner, wanted, kind);
    }
  });

  test(`over IP${name} the outer headers are those of a VTEP that fragments nothing`, t => {
    const { frames, sourcePorts } = observe(t, name);
    let identification = -1;
    for (const [kind, { tos, carried }] of Object.entries(INJECTED)) {
      for (const hex of frames[kind] ?? []) {
        const frame = Buffer.from(hex, 'hex');
        const packet = frame.subarray(14);
        t.is(frame.toString('hex', 0, 12), '020000000002020000000001', kind);
        t.deepEqual([...packet.subarray(ip + UDP, ip + UDP + ENCAP)], [8, 0, 0, 0, 0, 0, 42, 0], kind);
        t.is(packet.readUInt16BE(ip), sourcePorts[1] ?? 0, kind);
        t.is(packet.readUInt16BE(ip + 4), packet.length - ip, kind);
        t.not(packet.readUInt16BE(ip + 6), 0, `${kind}: the outer checksum is on`);
        const addresses = packet.subarray(ip === 20 ? 12 : 8, ip);
        t.is(
          referenceSum(packet.subarray(ip), referenceSum(addresses, 17 + packet.length - ip)),
          0xffff,
          kind,
        );
        if (ip === 40) {
          t.is((packet.readUInt16BE(0) >> 4) & 0xff, tos, kind);
          t.is(packet.readUInt16BE(4), packet.length - 40, kind);
          t.is(packet[6], 17, kind);
          t.is(packet[7], 64, kind);
          continue;
        }
        t.is(packet[1], tos, kind);
        t.is(packet.readUInt16BE(2), packet.length, kind);
        t.is(packet.readUInt16BE(6), 0x4000, `${kind}: DF, no MF, offset 0`);
        t.is(packet[8], 61, `${kind}: net.ipv4.ip_default_ttl`);
        t.is(referenceSum(packet.subarray(0, 20)), 0xffff, kind);
        if (!carried) continue;
        identification++;
        t.is(packet.readUInt16BE(4), identification, kind);
      }
    }
  });

  test(`over IP${name} what an injector carried is counted as what it became`, t => {
    const { counters, lost } = observe(t, name);
    const sent = Object.values(INJECTED).filter(injected => outerLength(injected, ip) <= MTU);
    const segments = sent.flatMap(injected => expected(injected));
    t.is(counters.txFrames, sent.length);
    t.is(counters.txErrors, Object.keys(INJECTED).length - sent.length);
    t.is(counters.txTunnelFrames, sent.filter(({ carried }) => carried).length);
    t.is(counters.txSegments, segments.length);
    t.is(
      counters.txBytes,
      segments.reduce((sum, { length }) => sum + ENCAP + length, 0),
    );
    t.is(counters.txTunnelError, 0);
    t.deepEqual(lost, []);
  });
}

for (const [name, errno] of [
  ['injected', EINVAL],
  ['down', EIO],
  ['deleted', EBADFD],
] as const) {
  test(`an injector that fails (${name}) is given up once, and its frames leave by the sockets`, t => {
    const { frames, statuses, counters, lost, isInjectorNamed } = observe(t, name);
    t.deepEqual(lost, [['tunnel-gso', errno]]);
    t.true(isInjectorNamed);
    t.is(counters.txTunnelFrames, 0);
    for (const [kind, injected] of Object.entries(INJECTED)) {
      const fits = outerLength(injected, 20) <= MTU;
      t.is(statuses[kind], fits ? 0 : EMSGSIZE, kind);
      const inner = frames[kind]?.map(hex => hex.slice(2 * (14 + 20 + UDP + ENCAP)));
      const wanted = fits ? expected(injected).map(bytes => Buffer.from(bytes).toString('hex')) : [];
      t.deepEqual(inner, wanted, kind);
    }
  });
}

test('a TAP of somebody else is not taken over as an injector', t => {
  t.is(runScenario(t).foreign, 'conflict');
});
