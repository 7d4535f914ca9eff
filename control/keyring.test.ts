import { inspect } from 'node:util';
import test from 'ava';
import { gossipKey, keyBytes, keyText, parseGossipKey } from './gossip-key.ts';
import { Keyring, MAX_KEYS, SEAL_BYTES } from './keyring.ts';

const filled = (fill: number, length = 16) => gossipKey(new Uint8Array(length).fill(fill));
const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();
const hello = Buffer.from('hello');

/** NIST GCM test vectors (gcmEncryptExtIV, test case 13-16 of McGrew and Viega): key, nonce, plain text, AAD, sealed. */
const VECTORS = [
  {
    key: 'feffe9928665731c6d6a8f9467308308',
    nonce: 'cafebabefacedbaddecaf888',
    plain:
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    sealed:
      '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47',
  },
  {
    key: '00000000000000000000000000000000',
    nonce: '000000000000000000000000',
    plain: '00000000000000000000000000000000',
    aad: '',
    sealed: '0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf',
  },
];

test('seal and open agree with the vectors of AES-GCM', t => {
  for (const { key, nonce, plain, aad, sealed } of VECTORS) {
    const ring = new Keyring([gossipKey(Buffer.from(key, 'hex'))], {
      nonce: () => Buffer.from(nonce, 'hex'),
    });
    const bytes = ring.seal(Buffer.from(plain, 'hex'), Buffer.from(aad, 'hex'));
    t.is(Buffer.from(bytes).toString('hex'), `01${nonce}${sealed}`);
    t.is(Buffer.from(ring.open(bytes, Buffer.from(aad, 'hex')) ?? []).toString('hex'), plain);
  }
});

test('what one key seals opens whoever has it, with keys of each length and whatever else is in the ring', t => {
  for (const length of [16, 24, 32]) {
    const sealed = new Keyring([filled(7, length)]).seal(hello);
    t.is(sealed.length, hello.length + SEAL_BYTES);
    t.is(text(new Keyring([filled(1), filled(2, 32), filled(7, length)]).open(sealed)), 'hello');
    t.is(new Keyring([filled(1), filled(2, 32)]).open(sealed), undefined);
  }
});

test('two sealings of the same are different', t => {
  const ring = new Keyring([filled(1)]);
  t.not(Buffer.compare(ring.seal(hello), ring.seal(hello)), 0);
});

test('nothing opens that was changed in any bit, cut, or sealed for other data beside it', t => {
  const ring = new Keyring([filled(1)]);
  const sealed = Buffer.from(ring.seal(hello, Buffer.from('beside')));
  t.is(text(ring.open(sealed, Buffer.from('beside'))), 'hello');
  t.is(ring.open(sealed), undefined);
  for (let bit = 0; bit < 8 * sealed.length; bit++) {
    const changed = Buffer.from(sealed);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    t.is(ring.open(changed, Buffer.from('beside')), undefined, `bit ${bit}`);
  }
  for (let length = 0; length < sealed.length; length++) {
    t.is(ring.open(sealed.subarray(0, length), Buffer.from('beside')), undefined);
  }
});

test('version 0 has padding, which must be sound', t => {
  const ring = new Keyring([filled(1)]);
  // The version is not part of what is authenticated.
  const version0 = (padded: Uint8Array) => {
    const bytes = Buffer.from(ring.seal(padded));
    bytes.writeUInt8(0, 0);
    return ring.open(bytes);
  };
  t.is(text(version0(Buffer.concat([hello, new Uint8Array(11).fill(11)]))), 'hello');
  t.is(text(version0(new Uint8Array(16).fill(16))), '');
  for (const wrong of [[], [0], [17], [2]]) t.is(version0(Uint8Array.from(wrong)), undefined);
});

test('a key is added, used and removed in that order only', t => {
  const [a, b, c] = [filled(1), filled(2), filled(3)];
  const saved: string[] = [];
  const ring = new Keyring([a, a], { save: keys => saved.push(keys.map(keyText).join()) });
  const order = () => ring.all().map(key => [a, b, c].indexOf(key));
  t.deepEqual(order(), [0]);
  t.throws(() => ring.use(b), { code: 'not_found' });
  ring.add(b);
  ring.add(filled(2));
  t.deepEqual(order(), [0, 1]);
  ring.use(b);
  ring.use(b);
  t.deepEqual(order(), [1, 0]);
  t.throws(() => ring.remove(b), { code: 'conflict' });
  ring.remove(a);
  ring.remove(a);
  t.deepEqual(order(), [1]);
  t.deepEqual(
    saved,
    [[a, b], [b, a], [b]].map(keys => keys.map(keyText).join()),
  );
  t.throws(() => new Keyring([]), { code: 'invalid_argument' });
});

test('a keyring is bounded', t => {
  const keys = Array.from({ length: MAX_KEYS }, (_, index) => filled(index));
  t.throws(() => new Keyring(keys).add(filled(99)), { code: 'conflict' });
  t.throws(() => new Keyring([...keys, filled(99)]), { code: 'conflict' });
});

test('keys are read strictly and shown nowhere', t => {
  const key = parseGossipKey('AAECAwQFBgcICQoLDA0ODw==');
  t.is(Buffer.from(keyBytes(key)).toString('hex'), '000102030405060708090a0b0c0d0e0f');
  t.is(key.fingerprint, 'be45cb2605bf36be');
  t.is(keyText(key), 'AAECAwQFBgcICQoLDA0ODw==');
  for (const shown of [JSON.stringify(key), inspect(key, { depth: 9 }), JSON.stringify(new Keyring([key]))]) {
    t.notRegex(shown, /AAEC|0001020304|0, ?1, ?2/);
  }
  for (const wrong of [
    '',
    'x',
    'AAECAwQFBgcICQoLDA0ODw',
    'AAECAwQFBgcICQoLDA0ODw==\n',
    'AAECAwQFBgcICQoLDA0OD-==',
    'AAAA',
  ]) {
    const error = t.throws(() => parseGossipKey(wrong), { code: 'invalid_argument' });
    if (wrong !== '' && wrong !== 'x') t.false(error?.message.includes(wrong));
  }
});
