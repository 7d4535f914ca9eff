/**
 * The epoch of a node's log: one for each life. A counter that the node keeps across restarts, and below it 32 random
 * bits, so that two lives that began with the same counter, because the state was lost, are still told apart and ordered.
 */
import { type Random, randomInteger } from '../random.ts';
import { MAX_EPOCH_COUNTER } from './limits.ts';

/** counter · 2^32 + random: below 2^52, an exact integer. */
export type Epoch = number & { readonly brand: 'Epoch' };

/** Where the counter is kept. */
export interface EpochStore {
  /** The counter that was saved last, or 0. */
  load(): number;
  /** Must be kept from then on, across crashes too; throws otherwise, and the log does not begin. */
  save(counter: number): void;
}

export const NO_EPOCH = 0 as Epoch;

const RANDOM_RANGE = 2 ** 32;

/** How far a life of the last counter goes beyond the one before at the most: there is room for 2^16 of them and more. */
const STEP = 2 ** 16;

/** Lives of the last counter follow each other by the other bits (laterEpoch), and begin where there is room for many. */
export function makeEpoch(counter: number, random: Random): Epoch {
  const range = counter < MAX_EPOCH_COUNTER ? RANDOM_RANGE : STEP;
  return (Math.min(counter, MAX_EPOCH_COUNTER) * RANDOM_RANGE + randomInteger(random, range)) as Epoch;
}

/** A later epoch of the same counter, close behind; undefined if there is none. */
export function laterEpoch(epoch: Epoch, random: Random): Epoch | undefined {
  const room = RANDOM_RANGE - 1 - epochRandom(epoch);
  if (room === 0) return undefined;
  return (epoch + 1 + randomInteger(random, Math.min(room, STEP))) as Epoch;
}

export function epochCounter(epoch: Epoch): number {
  return Math.floor(epoch / RANDOM_RANGE);
}

/** The other 32 bits. */
export function epochRandom(epoch: Epoch): number {
  return epoch % RANDOM_RANGE;
}

/** For the tag of a node: base 36. */
export function formatEpoch(epoch: Epoch): string {
  return epoch.toString(36);
}

/** The inverse of {@link formatEpoch}, or undefined. */
export function parseEpoch(text: string): Epoch | undefined {
  if (!/^[0-9a-z]{1,11}$/.test(text)) return undefined;
  const epoch = Number.parseInt(text, 36);
  return epoch > 0 && epoch < (MAX_EPOCH_COUNTER + 1) * RANDOM_RANGE ? (epoch as Epoch) : undefined;
}
