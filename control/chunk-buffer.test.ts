import test from 'ava';
import fc from 'fast-check';
import { ChunkBuffer } from './chunk-buffer.ts';

test('ChunkBuffer gives back what was put in, in order, however it is cut', t => {
  const steps = fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(60)), { maxLength: 60 });
  fc.assert(
    fc.property(steps, script => {
      const buffer = new ChunkBuffer();
      let expected = Buffer.alloc(0);
      for (const [chunk, take] of script) {
        buffer.append(chunk);
        expected = Buffer.concat([expected, chunk]);
        const count = Math.min(take, expected.length);
        buffer.consume(count);
        expected = expected.subarray(count);
        if (buffer.length !== expected.length || Buffer.compare(buffer.view, expected) !== 0) return false;
      }
      return true;
    }),
  );
  t.pass();
});
