import test from 'ava';
import { gossipKey } from './gossip-key.ts';
import { Keyring } from './keyring.ts';
import { randomInteger, seededRandom } from './random.ts';
import { StreamRefused } from './stream-seal.ts';
import { Wire } from './wire.ts';

const keyed = (fill: number) =>
  new Wire({ keyring: new Keyring([gossipKey(new Uint8Array(32).fill(fill))]) });
const open = new Wire();
const ping = Buffer.from('0085a44e6f6465a5616c706861a55365714e6f01aa536f7572636541646472a47f000001', 'hex');
const long = new Uint8Array(2000).fill(4);

test('Wire: a datagram passes between equal ends only, and each other end has its reason', t => {
  const ends = { open, a: keyed(1), b: keyed(2) };
  const reasons = { open: 'encrypted', a: 'undecryptable', b: 'undecryptable' };
  for (const [from, sender] of Object.entries(ends)) {
    for (const [to, receiver] of Object.entries(ends)) {
      for (const bytes of [ping, long]) {
        const counts = new Map<unknown, number>();
        for (let round = 0; round < 200; round++) {
          const got = receiver.unwrapPacket(sender.wrapPacket(bytes, { checksum: round % 2 === 0 }));
          const key = typeof got === 'string' ? got : 'taken';
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
        if (from === to) t.deepEqual([...counts], [['taken', 200]], `${from} to ${to}`);
        else if (from === 'open') t.deepEqual([...counts], [['plaintext', 200]]);
        // One nonce in fourteen looks like the map of a ping.
        else t.true((counts.get(reasons[to as keyof typeof reasons]) ?? 0) > 150, `${from} to ${to}`);
      }
    }
  }
  t.is(open.unwrapPacket(Uint8Array.of(244, 1, 97, 0)), 'labelled');
  t.is(keyed(1).unwrapPacket(Uint8Array.of()), 'plaintext');
});

test('Wire: nothing grows by more than it is said to', t => {
  const random = seededRandom(1);
  for (const wire of [open, keyed(1)]) {
    for (let size = 1; size < 1400; size += 13) {
      const bytes = Uint8Array.from({ length: size }, () => randomInteger(random, 256));
      t.true(wire.wrapPacket(bytes, { checksum: true }).length <= size + wire.packetOverhead);
    }
  }
});

test('Wire: a sealed stream gives its messages however it is cut', t => {
  const random = seededRandom(2);
  const wire = keyed(1);
  const messages = [ping, Uint8Array.of(), new Uint8Array(200).fill(9)];
  const bytes = Buffer.concat(messages.map(message => wire.wrapStream(message)));
  for (let round = 0; round < 50; round++) {
    const opener = wire.streamOpener();
    const got: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const next = at + 1 + randomInteger(random, round === 0 ? 1 : 100);
      got.push(...opener.push(bytes.subarray(at, next)));
      at = next;
    }
    t.deepEqual(
      got.map(message => Buffer.from(message)),
      messages.map(message => Buffer.from(message)),
    );
  }
});

test('Wire: a sealed stream is refused with its reason, before more of it is held than must be', t => {
  const wire = keyed(1);
  const sealed = Buffer.from(wire.wrapStream(ping));
  const longer = Buffer.from(sealed);
  longer.writeUInt32BE(sealed.readUInt32BE(1) + 1, 1);
  const cases: readonly [string, Uint8Array, string][] = [
    ['of nobody', Uint8Array.of(6), 'plaintext'],
    ['compressed only', Uint8Array.of(9, 0x82), 'plaintext'],
    ['with a label', Uint8Array.of(244, 1), 'labelled'],
    ['of another key', keyed(2).wrapStream(ping), 'undecryptable'],
    ['with another length', Buffer.concat([longer, Uint8Array.of(0)]), 'undecryptable'],
    ['of nothing', Uint8Array.of(10, 0, 0, 0, 0), 'undecryptable'],
    ['of 2 GiB', Uint8Array.of(10, 0x7f, 0xff, 0xff, 0xff), 'streamTooLarge'],
  ];
  for (const [what, bytes, reason] of cases) {
    const error = t.throws(() => wire.streamOpener().push(bytes), { instanceOf: StreamRefused }, what);
    t.is(error?.reason, reason as never, what);
  }
  t.deepEqual(wire.streamOpener().push(Uint8Array.of(10, 0, 0)), []);
});
