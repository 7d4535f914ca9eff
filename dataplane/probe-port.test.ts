import test from 'ava';
import { parseIp, type VtepAddress } from './address.ts';
import { Arena } from './arena.ts';
import { FrameBatch } from './frame-batch.ts';
import { PROBE_QUESTION, writeProbe } from './headers/probe.ts';
import { writeVxlan } from './headers/vxlan.ts';
import type { UdpPort } from './ports.ts';
import { type ProbeArrival, ProbePort } from './probe-port.ts';
import { Vtep } from './vtep-table.ts';

const TOKEN = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const OTHER = Uint8Array.from({ length: 16 }, () => 7);

function rig() {
  const arena = new Arena({ slots: 4 });
  const heard: ProbeArrival[] = [];
  const probes = new ProbePort({ arena }, arrival => heard.push(arrival));
  const batch = new FrameBatch(1);
  const come = (token: Uint8Array, { vni = 0, length = 60 } = {}): boolean => {
    const at = arena.slotOffset(1);
    writeProbe(arena.view, at - 8, length, { kind: PROBE_QUESTION, token, number: 3 });
    if (vni !== 0) writeVxlan(arena.view, at - 8, vni as never);
    new Vtep(parseIp('192.0.2.9') as VtepAddress, 50_001).writeTo(batch, 0);
    batch.setOffset(0, at);
    batch.setLength(0, length);
    return probes.take(batch, 0);
  };
  return { arena, probes, heard, come };
}

test('a probe of an open session is told, with where it came from', t => {
  const { probes, heard, come } = rig();
  probes.setTokens([OTHER, TOKEN]);
  t.true(come(TOKEN, { length: 700 }));
  t.deepEqual(heard, [
    {
      kind: PROBE_QUESTION,
      token: TOKEN,
      number: 3,
      length: 700,
      address: parseIp('192.0.2.9'),
      port: 50_001,
    },
  ]);
});

test('what is of no open session is nobody’s: it is dropped as any frame of VNI 0', t => {
  const { probes, heard, come } = rig();
  t.false(come(TOKEN));
  probes.setTokens([OTHER]);
  t.false(come(TOKEN));
  probes.setTokens([TOKEN]);
  t.false(come(TOKEN, { vni: 42 }));
  probes.setTokens([]);
  t.false(come(TOKEN));
  t.deepEqual(heard, []);
});

test('a probe that is repeated a million times is told a thousand times at most', t => {
  const { probes, heard, come } = rig();
  probes.setTokens([TOKEN]);
  for (let i = 0; i < 5000; i++) come(TOKEN);
  t.is(heard.length, 1024);
});

test('one is sent to the address and port asked for, and says what refused it', t => {
  const { arena, probes } = rig();
  const sent: string[] = [];
  const udp = {
    sourceSockets: 16,
    send(batch: FrameBatch) {
      const at = batch.offset(0) - batch.encapLength(0);
      const head = Buffer.from(arena.memory, at, 30).toString('hex');
      sent.push(`${batch.length(0)} ${batch.port(0)} ${batch.socket(0)} ${head}`);
      batch.setStatus(0, 90);
    },
  } as unknown as UdpPort;
  const probe = { kind: PROBE_QUESTION, token: TOKEN, number: 1 } as const;
  const errno = probes.send(udp, {
    to: parseIp('192.0.2.2') as VtepAddress,
    port: 4789,
    socket: 17,
    ...probe,
    length: 100,
  });
  t.is(errno, 90);
  t.deepEqual(sent, [
    '100 4789 1 0800000000000000' + '0180c200000e' + '020000000000' + '88b5' + '77667401' + '01020304',
  ]);
});
