import test from 'ava';
import { gossipKey } from '../gossip-key.ts';
import { Keyring } from '../keyring.ts';
import { keyringSealer } from './keyring-sealer.ts';

const key = (fill: number) => gossipKey(new Uint8Array(32).fill(fill));
const FRAME = Buffer.from('a frame');

test('a frame opens with a key of the ring, and with no other', t => {
  const sealed = keyringSealer(new Keyring([key(1)])).seal(FRAME);
  t.false(Buffer.from(sealed).includes(FRAME));
  t.deepEqual(Buffer.from(keyringSealer(new Keyring([key(2), key(1)])).open(sealed) ?? []), FRAME);
  t.is(keyringSealer(new Keyring([key(2)])).open(sealed), undefined);
});

test('what was sealed for another purpose does not open, nor anything changed', t => {
  const ring = new Keyring([key(1)]);
  const sealer = keyringSealer(ring);
  t.is(sealer.open(ring.seal(FRAME)), undefined);
  const sealed = sealer.seal(FRAME);
  t.is(ring.open(sealed), undefined);
  for (let at = 0; at < sealed.length; at++) {
    const damaged = Buffer.from(sealed);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    t.is(sealer.open(damaged), undefined, `byte ${at}`);
  }
  t.is(sealer.open(new Uint8Array(0)), undefined);
});
