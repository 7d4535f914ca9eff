import test from 'ava';
import fc from 'fast-check';
import { MAX_VNI, parseVni, type Vni } from '../address.ts';
import { pattern, viewOf, vxlanPayload } from '../testing/frames.ts';
import { hasVniFlag, isValidVxlan, readVni, writeVxlan } from './vxlan.ts';

test('writeVxlan() sets the I flag and the VNI, and every reserved bit to zero', t => {
  const bytes = new Uint8Array(10).fill(0xff);
  writeVxlan(viewOf(bytes), 1, 0xabcdef as Vni);
  t.is(Buffer.from(bytes).toString('hex'), 'ff0800000 0abcdef00ff'.replace(' ', ''));
});

test('readVni() gives back any VNI that writeVxlan() wrote', t => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: MAX_VNI }), vni => {
      const view = new DataView(new ArrayBuffer(8));
      writeVxlan(view, 0, vni as Vni);
      return hasVniFlag(view, 0) && readVni(view, 0) === vni;
    }),
    { seed: 7348 },
  );
  t.pass();
});

test('hasVniFlag() and readVni() ignore every reserved bit', t => {
  const view = viewOf(Buffer.from('ffffffff00002aff', 'hex'));
  t.true(hasVniFlag(view, 0));
  t.is(readVni(view, 0), parseVni(42));
  t.false(hasVniFlag(viewOf(Buffer.from('f7ffffff00002aff', 'hex')), 0));
});

test('isValidVxlan(): 8 bytes with the I flag', t => {
  const payload = vxlanPayload(parseVni(1), pattern(0));
  for (let length = 0; length < 8; length++) t.false(isValidVxlan(viewOf(payload), 0, length));
  t.true(isValidVxlan(viewOf(payload), 0, 8));
  payload[0] = 0;
  t.false(isValidVxlan(viewOf(payload), 0, 8));
});
