import { execFileSync } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { makeNamespace } from './testing/namespace.ts';
import { referenceSum } from './testing/packets.ts';
import type { Observation } from './testing/underlay-scenario.ts';

test('what a UDP port puts on the wire: DF, pinned source, checksum, TOS; nothing above the MTU', t => {
  const { name } = makeNamespace(t);
  const scenario = fileURLToPath(new URL('testing/underlay-scenario.js', import.meta.url));
  const output = execFileSync('ip', ['netns', 'exec', name, process.execPath, scenario], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  const { v4, secondary, v6 } = JSON.parse(output) as Record<'v4' | 'secondary' | 'v6', Observation>;
  const { EMSGSIZE } = constants.errno;

  for (const [observation, source] of [
    [v4, 'c0000201'],
    [secondary, 'c0000209'],
  ] as const) {
    t.deepEqual(observation.statuses, [0, 0, EMSGSIZE, 0]);
    const packets = observation.packets.map(hex => Buffer.from(hex, 'hex'));
    // Each socket keeps its own order: 0, 3 go out by different ones.
    t.deepEqual(
      packets.map(packet => packet.readUInt16BE(2)),
      [136, 1400, 236],
    );
    packets.forEach((packet, i) => {
      // RFC 7348 section 4.3: "VTEPs MUST NOT fragment VXLAN packets."
      t.is(packet.readUInt16BE(6), 0x4000, 'DF, no MF, offset 0');
      t.is(packet.toString('hex', 12, 20), `${source}c0000202`);
      t.is(packet[1], i === 2 ? 0xb9 : 0);
      t.true(observation.sourcePorts.includes(packet.readUInt16BE(20)));
      t.not(packet.readUInt16BE(26), 0, 'the outer checksum is on');
      const pseudo = referenceSum(packet.subarray(12, 20), 17 + packet.length - 20);
      t.is(referenceSum(packet.subarray(20), pseudo), 0xffff);
    });
  }

  t.deepEqual(v6.statuses, [0, 0, EMSGSIZE, 0]);
  v6.packets.forEach((hex, i) => {
    const packet = Buffer.from(hex, 'hex');
    t.is(packet[6], 17, 'no fragment header');
    t.is((packet.readUInt16BE(0) >> 4) & 0xff, i === 2 ? 0xb9 : 0);
    const pseudo = referenceSum(packet.subarray(8, 40), 17 + packet.length - 40);
    t.is(referenceSum(packet.subarray(40), pseudo), 0xffff);
  });
  t.is(v6.packets.length, 3);
});
