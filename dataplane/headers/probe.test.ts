import test from 'ava';
import { PROBE_ANSWER, PROBE_HEADER_SIZE, PROBE_QUESTION, readProbe, writeProbe } from './probe.ts';
import { hasVniFlag, readVni } from './vxlan.ts';

const TOKEN = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

test('a probe is read as it was written, at any offset and length', t => {
  for (const kind of [PROBE_QUESTION, PROBE_ANSWER] as const) {
    for (const length of [PROBE_HEADER_SIZE, 100, 1464]) {
      const view = new DataView(new ArrayBuffer(2000));
      writeProbe(view, 16, length, { kind, token: TOKEN, number: 513 });
      t.true(hasVniFlag(view, 16));
      t.is(readVni(view, 16) as number, 0);
      t.deepEqual(readProbe(view, 24, length), { kind, token: TOKEN, number: 513 });
      t.is(view.getUint8(24 + length), 0, 'nothing is written behind it');
    }
  }
});

test('whatever is damaged in its head is no probe', t => {
  const view = new DataView(new ArrayBuffer(100));
  writeProbe(view, 0, 60, { kind: PROBE_QUESTION, token: TOKEN, number: 1 });
  for (const at of [12, 13, 14, 15, 16, 17]) {
    const before = view.getUint8(8 + at);
    view.setUint8(8 + at, before ^ 0x40);
    t.is(readProbe(view, 8, 60), undefined, `byte ${at}`);
    view.setUint8(8 + at, before);
  }
  for (let length = 0; length < PROBE_HEADER_SIZE; length++) t.is(readProbe(view, 8, length), undefined);
});

test('the destination is one that no bridge forwards', t => {
  const view = new DataView(new ArrayBuffer(100));
  writeProbe(view, 0, 60, { kind: PROBE_QUESTION, token: TOKEN, number: 1 });
  t.is(Buffer.from(view.buffer, 8, 6).toString('hex'), '0180c200000e');
});
