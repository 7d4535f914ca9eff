/** Randomness is a parameter, as time is: the simulator gives a seed, the daemon the system's generator. */
import { randomBytes } from 'node:crypto';

export interface Random {
  /** A number drawn uniformly from [0, 1). */
  next(): number;
}

/** The operating system's generator. 32 bits are enough for choosing peers, delays and sequence numbers. */
export const systemRandom: Random = {
  next: () => randomBytes(4).readUInt32BE(0) / 0x1_0000_0000,
};

/** Twelve bytes that never come twice under one key. */
export type NonceSource = () => Uint8Array;

/** 96 random bits, of the operating system. */
export const systemNonce: NonceSource = () => randomBytes(12);

/** Mulberry32: one 32-bit word of state, passes the usual test batteries; equal seeds give equal sequences. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
    },
  };
}

/** An integer drawn uniformly from [0, below). */
export function randomInteger(random: Random, below: number): number {
  return Math.floor(random.next() * below);
}

/** Shuffles in place (Fisher and Yates) and returns its argument. */
export function shuffle<T>(random: Random, items: T[]): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = randomInteger(random, last + 1);
    const a = items[last] as T;
    items[last] = items[other] as T;
    items[other] = a;
  }
  return items;
}
