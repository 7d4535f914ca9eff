/** Messages that are nearly right, made from ones that were sent: what fuzzing throws at a node. */
import { type Random, randomInteger } from '../random.ts';

/** A few bytes changed, added, taken away, or replaced by a piece of another seed. */
export function mutate(random: Random, seeds: readonly Uint8Array[]): Uint8Array {
  const pick = (): Uint8Array => seeds[randomInteger(random, seeds.length)] ?? new Uint8Array(0);
  const bytes = Buffer.from(pick());
  for (let changes = 1 + randomInteger(random, 4); changes > 0 && bytes.length > 0; changes--) {
    bytes.writeUInt8(randomInteger(random, 256), randomInteger(random, bytes.length));
  }
  const at = randomInteger(random, bytes.length + 1);
  switch (randomInteger(random, 6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1: {
      const other = pick();
      return Buffer.concat([bytes.subarray(0, at), other.subarray(randomInteger(random, other.length + 1))]);
    }
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(randomInteger(random, bytes.length + 1))]);
    default:
      return bytes;
  }
}
