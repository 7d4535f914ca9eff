import test from 'ava';
import { readPcap } from './pcap.ts';

function capture(...frames: readonly string[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  const records = frames.map(frame => {
    const record = Buffer.alloc(16 + frame.length);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    record.write(frame, 16);
    return record;
  });
  return Buffer.concat([header, ...records]);
}

test('readPcap() gives the frames in order and leaves out a record that is not complete', t => {
  const bytes = capture('one', 'three');
  t.deepEqual(readPcap(bytes).map(String), ['one', 'three']);
  for (let cut = 0; cut < bytes.length; cut++) {
    const expected = cut < 24 + 16 + 3 ? [] : ['one'];
    t.deepEqual(readPcap(bytes.subarray(0, cut)).map(String), expected, `cut at ${cut}`);
  }
});

test('readPcap() refuses what is no capture file', t => {
  t.throws(() => readPcap(Buffer.from('x'.repeat(64))), { message: /not a little-endian capture file/ });
});
